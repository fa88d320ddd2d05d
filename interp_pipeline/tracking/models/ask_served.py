"""How a model that MLflow serves is asked about a table: with it, with an array, or with one for each tensor."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from interp_pipeline.models.tensor_inputs import assign_columns, to_array
from interp_pipeline.tracking.models.feature_names import names_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from interp_pipeline.models.tensor_inputs import TensorInput
    from interp_pipeline.tracking.models.model_file import ModelFile

__all__ = ["native_of", "served_by"]


def native_of(pyfunc: Any, file: ModelFile) -> Any:
    """The model behind MLflow's wrapper or, where only that can be called, a function of a table.

    Args:
        pyfunc: as ``mlflow.pyfunc.load_model`` gives it.
        file: what the model's ``MLmodel`` file says.
    """
    if file.flavor != "python_function":
        return pyfunc.get_raw_model()

    def native(rows: pd.DataFrame) -> Any:
        return pyfunc.predict(_by_tensors(rows, file.tensors) if file.tensors else file.labelled(rows))

    return native


def served_by(
    pyfunc: Any, native: Any, file: ModelFile, feature_names: tuple[str, ...]
) -> Callable[[pd.DataFrame], Any]:
    """How a model is asked as MLflow serves it.

    Args:
        pyfunc: as ``mlflow.pyfunc.load_model`` gives it.
        native: the model behind it.
        file: what the model's ``MLmodel`` file says.
        feature_names: columns of the rows it will be asked about, in the model's order.

    Returns:
        From rows to what MLflow answers. It is given an array per tensor that the signature names; else, if it is a
        network of several inputs, what that takes; else the table, or an array where the model learned from one.
    """
    pose = _pyfunc_input(native, file, feature_names)

    def ask(rows: pd.DataFrame) -> Any:
        with _silent_keras() if file.flavor == "keras" else nullcontext():
            return pyfunc.predict(pose(rows))

    return ask


def _pyfunc_input(native: Any, file: ModelFile, feature_names: tuple[str, ...]) -> Callable[[pd.DataFrame], Any]:
    if file.tensors:
        return lambda rows: _by_tensors(rows, file.tensors)
    if file.flavor == "keras" and not file.columns:
        from interp_pipeline.models.keras_inputs import NetworkInputs, named_inputs

        if named_inputs(native):
            return NetworkInputs.of(native, feature_names).of_rows
    return lambda rows: file.labelled(rows) if names_columns(native, file) else rows.to_numpy()


@contextmanager
def _silent_keras() -> Iterator[None]:
    """MLflow's wrapper lets Keras print a bar for every call, on standard output."""
    import keras

    shown = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if shown:
            keras.config.enable_interactive_logging()


def _by_tensors(rows: pd.DataFrame, tensors: Sequence[TensorInput]) -> dict[str, Any]:
    assigned = assign_columns(tensors, [str(name) for name in rows.columns])
    return {each.name: to_array(rows[list(columns)], each) for each, columns in zip(tensors, assigned, strict=True)}
