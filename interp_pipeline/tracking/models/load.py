"""Load the files of a model as something that can be explained."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from interp_pipeline.errors import InterpError, ModelError, UsageError
from interp_pipeline.explanation import CLASS_SCORES, PROBABILITY
from interp_pipeline.tracking.models.ask_served import native_of, served_by
from interp_pipeline.tracking.models.feature_names import as_model_takes_them
from interp_pipeline.tracking.models.model_code import model_code
from interp_pipeline.tracking.models.model_file import read_model_file
from interp_pipeline.training.summation_order import fix_summation_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.explainable import ExplainableModel
    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.tracking.models.model_file import ModelFile

__all__ = ["LoadedModel", "ModelTables", "adapt_served", "load_model"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model from the registry, by its parts and as MLflow serves it."""

    kind: str  # random_forest or keras as trained here; else the flavor
    words: str  # what it is, as it follows an article: "random forest", "XGBClassifier"
    parts: ExplainableModel
    rows: pd.DataFrame  # the rows to explain, as the model takes them: its features, in its types
    background: pd.DataFrame  # likewise
    given: pd.DataFrame  # the rows to explain as they were given: the same columns, in whatever types they had
    given_background: pd.DataFrame  # likewise
    as_asked: Callable[[pd.DataFrame], pd.DataFrame]  # rows as explainers ask about them, put together from numbers
    reference: Callable[[pd.DataFrame], FloatArray]  # the explained outputs through the model's own library
    served: Callable[[pd.DataFrame], Any] | None  # whatever its pyfunc answers; None: that is the reference
    class_labels: Mapping[str, str] = field(default_factory=dict)  # class name by the label its pyfunc may answer with
    notes: tuple[str, ...] = ()  # how the model was taken apart, a sentence each


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelTables:
    """What a model is loaded for: rows as they were given, and what is known of them."""

    rows: pd.DataFrame  # to explain, with the model's features among their columns
    background: pd.DataFrame  # the same columns
    target: str | None = None  # name of the target column, where known
    outcomes: OutcomeKind = "unknown"  # what the true outcomes are
    source: str = "the given rows"  # where the rows came from, for messages


def load_model(path: Path, uri: str, tables: ModelTables, config: ExplainConfig) -> LoadedModel:
    """Load a model of any flavor, cut where explainers need it.

    Args:
        path: folder with the ``MLmodel`` file.
        uri: what the model is called in messages.
        tables: what it is loaded for.
        config: which output is explained, and names for its classes, where they are not known from training.

    Raises:
        ModelError: the model cannot be loaded here, cannot be asked, or is of a kind that cannot be explained.
        UsageError: the rows lack a column, or an option does not fit the model.
        DataError: a value does not fit the type the model's signature declares.
    """
    import mlflow

    file = read_model_file(path, uri)
    fix_summation_order()
    with model_code(uri, "be loaded", "restore its files, or train it again"), _quiet_loading():
        pyfunc = mlflow.pyfunc.load_model(str(path))
    return adapt_served(pyfunc, file, uri, tables, config)


def adapt_served(pyfunc: Any, file: ModelFile, uri: str, tables: ModelTables, config: ExplainConfig) -> LoadedModel:
    """Cut a model that MLflow has loaded where explainers need it.

    Args:
        pyfunc: as ``mlflow.pyfunc.load_model`` gives it.
        file: what its ``MLmodel`` file says.
        uri: what the model is called in messages.
        tables: what it was loaded for.
        config: which output is explained, and names for its classes, where they are not known from training.

    Raises:
        ModelError: the model cannot be asked, or is of a kind that cannot be explained.
        UsageError: the rows lack a column, or an option does not fit the model.
        DataError: a value does not fit the type the model's signature declares.
    """
    if file.own is not None:
        return _own(pyfunc, file.own, uri, tables, config)
    native = native_of(pyfunc, file)
    taken, taken_background = (
        as_model_takes_them(each, native, file, target=tables.target, source=where, uri=uri)
        for each, where in ((tables.rows, tables.source), (tables.background, "the background data"))
    )
    known = file.outcomes if tables.outcomes == "unknown" else tables.outcomes
    taken_tables = _TakenTables(
        rows=taken,
        background=taken_background,
        given=tables.rows[list(taken.columns)],
        given_background=tables.background[list(taken_background.columns)],
    )
    return _adapted(pyfunc, native, file, uri, taken_tables, config, tables.target, known)


@dataclass(frozen=True, kw_only=True, eq=False)
class _TakenTables:
    """Rows to explain and background data, twice."""

    rows: pd.DataFrame  # as the model takes them
    background: pd.DataFrame
    given: pd.DataFrame  # the same columns as they were given
    given_background: pd.DataFrame


@contextmanager
def _quiet_loading() -> Iterator[None]:
    """MLflow logs a warning for every library that is newer than when the model was logged."""
    import logging

    loggers = [logging.getLogger(name) for name in ("mlflow.pyfunc", "mlflow.utils.requirements_utils")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_WORDS = {"random_forest": "random forest", "keras": "Keras network"}


def _own(pyfunc: Any, own: Any, uri: str, tables: ModelTables, config: ExplainConfig) -> LoadedModel:
    """A model our trainers wrote: it comes cut already."""
    if config.output == "margin" and own["task"] != "regression":
        msg = f"{uri} gives probabilities and has no margin; explain them with --output probability"
        raise ModelError(msg)
    if config.output_name is not None:
        msg = f"{uri} was trained here, and all of its outputs are explained; leave output_name out"
        raise UsageError(msg)

    def predict(table: pd.DataFrame) -> FloatArray:
        return np.asarray(pyfunc.predict(table), dtype=np.float64)

    return LoadedModel(
        kind=own["kind"],
        words=_WORDS[own["kind"]],
        parts=cast("ExplainableModel", pyfunc.unwrap_python_model()),
        rows=tables.rows,
        background=tables.background,
        given=tables.rows,
        given_background=tables.background,
        as_asked=lambda table: table,
        reference=predict,
        served=None,
    )


def _adapted(
    pyfunc: Any,
    native: Any,
    file: ModelFile,
    uri: str,
    tables: _TakenTables,
    config: ExplainConfig,
    target: str | None,
    outcomes: OutcomeKind,
) -> LoadedModel:
    """A model of any other origin."""
    from interp_pipeline.models.adapt import adapt_model
    from interp_pipeline.models.class_labels import class_labels

    ask = served_by(pyfunc, native, file, tuple(tables.rows.columns))

    def served(table: pd.DataFrame) -> Any:
        return parts.cut.of_answer(ask(table))

    def as_asked(table: pd.DataFrame) -> pd.DataFrame:
        asked: pd.DataFrame = parts.table.to_frame(parts.to_matrix(table))
        return asked.set_axis(table.index)

    adapt = partial(
        adapt_model,
        native,
        flavor=file.flavor,
        feature_names=tuple(tables.rows.columns),
        rows=tables.rows,
        background=tables.background,
        output=config.output,
        positive_class=config.positive_class,
        target=target,
        output_name=config.output_name,
        task=config.task,
        outcomes=outcomes,
        tensors=file.tensors,
    )
    with model_code(uri, "predict the rows it is to be explained on"):
        try:
            parts: Any = adapt(output_names=config.class_names or None)
            if not config.class_names and _are_named_numbers(parts, file):
                parts = adapt(output_names=file.outputs)
        except InterpError as error:
            msg = f"{uri}: {error}"
            raise type(error)(msg) from error
    return LoadedModel(
        kind=file.flavor,
        words=_kind_words(native, file),
        parts=parts,
        rows=tables.rows,
        background=tables.background,
        given=tables.given,
        given_background=tables.given_background,
        as_asked=as_asked,
        reference=parts.reference,
        served=served,
        class_labels=class_labels(native, config.class_names) if _is_classifier(parts) else {},
        notes=parts.notes,
    )


def _is_classifier(parts: ExplainableModel) -> bool:
    return parts.output_unit == PROBABILITY or parts.output_unit in CLASS_SCORES


def _are_named_numbers(parts: ExplainableModel, file: ModelFile) -> bool:
    """Whether several numbers are predicted that have names in the signature alone.

    Not so the names of a classifier's outputs: the model's own class names are right whatever was served.
    """
    count = len(parts.output_names)
    return 1 < count == len(file.outputs) and not _is_classifier(parts) and set(parts.output_names) != set(file.outputs)


def _kind_words(native: Any, file: ModelFile) -> str:
    """What a model is called in sentences: the class of its estimator, the last one of a pipeline."""
    if file.flavor == "python_function":
        return "Python function"
    steps = getattr(native, "steps", None)
    if isinstance(steps, list) and steps:
        return f"pipeline ending in {type(steps[-1][1]).__name__}"
    name = type(native).__name__
    if file.flavor == "keras":
        return "Keras network"
    return f"{'XGBoost' if file.flavor == 'xgboost' else 'LightGBM'} booster" if name == "Booster" else name
