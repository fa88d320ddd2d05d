"""The door of this room: an estimator of another library in, a model that can be explained out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from interp_pipeline.error_line import error_line
from interp_pipeline.errors import InterpError, ModelError, UsageError
from interp_pipeline.models.outputs import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.models.adapted import AdaptedModel
    from interp_pipeline.models.outputs import Output, TaskChoice
    from interp_pipeline.models.tensor_inputs import TensorInput

__all__ = ["Flavor", "adapt_model"]

Flavor: TypeAlias = Literal["sklearn", "keras", "xgboost", "lightgbm", "catboost", "python_function"]


def adapt_model(  # noqa: PLR0913 - options are keyword-only
    native: Any,
    *,
    flavor: Flavor,
    feature_names: Sequence[str],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    output: Output = "auto",
    output_names: Sequence[str] | None = None,
    positive_class: str | None = None,
    target: str | None = None,
    output_name: str | None = None,
    task: TaskChoice = "auto",
    outcomes: OutcomeKind = "unknown",
    tensors: Sequence[TensorInput] = (),
) -> AdaptedModel:
    """Make an ``ExplainableModel`` of a loaded estimator, and prove on the given rows that it is the same model.

    A classifier's probabilities are explained, or its log-odds (softmax scores of three or more
    classes) where they are what adds up exactly (boosted trees, linear classifiers); a regression's
    prediction; for a model that answers with labels alone, one vote per class. ``notes`` of the
    result say how the model was taken apart.

    Args:
        native: scikit-learn estimator, pipeline or search; Keras model; object of XGBoost's or
            LightGBM's scikit-learn interface, or Booster; object of CatBoost's; for ``python_function`` a callable
            DataFrame -> array, DataFrame or Series.
        flavor: which of these it is.
        feature_names: the model's raw columns, in its order.
        rows: rows to explain, columns as the user has them.
        background: background data, likewise.
        output: force probabilities or margins.
        output_names: names of the classes, for a model that only numbers them, or of the targets.
        positive_class: of a binary classifier, the class to speak about; None for the second.
        target: what a regression predicts.
        output_name: which of several outputs is explained, by its name.
        task: what the model is, where the caller says so.
        outcomes: what its signature or the true outcomes say of it, where he does not.
        tensors: inputs that its signature names, of a model that reads several.

    Returns:
        The adapted model; its ``reference`` asks the library itself.

    Raises:
        ModelError: the model cannot be explained, or does not answer for these rows.
        UsageError: an option does not fit the model; a column is missing or unreadable (DataError).
        ModuleNotFoundError: the model needs a library that is not installed here.
    """
    wanted = Wanted(
        output=output,
        output_names=tuple(output_names) if output_names is not None else None,
        positive_class=positive_class,
        target=target,
        output_name=output_name,
        task=task,
        outcomes=outcomes,
    )
    names = tuple(feature_names)
    for what, table in (("rows to explain", rows), ("background data", background)):
        if table.empty:
            msg = f"the {what} are empty: give at least one row"
            raise UsageError(msg)
    try:
        return _adapted(native, flavor, names, rows, background, wanted, tensors)
    except (InterpError, ModuleNotFoundError):
        raise
    except Exception as error:  # the model's own code runs here and may raise anything
        msg = (
            f"the model does not answer for the rows it is to be explained on ({error_line(error)}); "
            "give rows with the columns and types it was trained on, or correct the model"
        )
        raise ModelError(msg) from error


def _adapted(
    native: Any,
    flavor: Flavor,
    names: tuple[str, ...],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    wanted: Wanted,
    tensors: Sequence[TensorInput],
) -> AdaptedModel:
    if flavor == "keras":
        from interp_pipeline.models.keras_model import adapt_keras

        return adapt_keras(native, names, rows, background, wanted, tensors)
    if flavor == "python_function":
        from interp_pipeline.models.function_model import adapt_function

        return adapt_function(native, names, rows, background, wanted)
    from interp_pipeline.models.estimator_model import adapt_estimator

    wanted.refuse_output_name()
    return adapt_estimator(native, names, rows, background, wanted)
