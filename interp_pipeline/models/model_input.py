"""How an estimator of the scikit-learn family wants to be given its rows, and what stands before it."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.models.column_names import as_table_calls_them

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from interp_pipeline.models.category_columns import CategoryColumns

__all__ = ["ModelInput", "Parts", "take_apart"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """A fitted model by its parts."""

    model: Any  # what is asked: an estimator or a pipeline, never a search over them
    steps: tuple[Any, ...]  # fitted transformers, in order
    final: Any  # the estimator behind them, reading what they give

    @property
    def first(self) -> Any:
        """What the raw rows meet."""
        return self.steps[0] if self.steps else self.final

    @property
    def is_composed(self) -> bool:
        """Whether the final estimator holds preprocessing of its own, out of reach."""
        return any(hasattr(part, "transform") for part in _within(self.final))


def take_apart(native: Any) -> Parts:
    """Unwrap searches and pipelines.

    Args:
        native: fitted estimator, pipeline, or search over them.

    Raises:
        ModelError: a search did not keep its best estimator.
    """
    from sklearn.pipeline import Pipeline

    model = _unwrapped(native)
    steps: list[Any] = []
    final = model
    while isinstance(final, Pipeline):
        parts = [part for _, part in final.steps]
        steps += [part for part in parts[:-1] if part is not None and part != "passthrough"]
        final = _unwrapped(parts[-1])
    if getattr(final, "_preprocessor", None) is not None:
        # Histogram boosting puts its categories first and numbers them before its trees read them.
        steps.append(final._preprocessor)  # noqa: SLF001 - there is no other way to what its trees read
        final = copy.copy(final)
        final._preprocessor = None  # noqa: SLF001 - the copy reads what the step gives, all of it as numbers
        final.is_categorical_ = None
        vars(final).pop("feature_names_in_", None)
    return Parts(model=model, steps=tuple(steps), final=final)


def _unwrapped(native: Any) -> Any:
    """The best estimator of a search."""
    from sklearn.model_selection._search import BaseSearchCV

    while isinstance(native, BaseSearchCV):
        if not hasattr(native, "best_estimator_"):
            msg = f"{type(native).__name__} has no best estimator; fit it with refit=True"
            raise ModelError(msg)
        native = native.best_estimator_
    return native


def _within(estimator: Any) -> Iterator[Any]:
    """Estimators an estimator is made of, as its parameters name them."""
    if hasattr(estimator, "get_params") and not isinstance(estimator, type):
        for value in estimator.get_params(deep=True).values():
            if hasattr(value, "get_params") and not isinstance(value, type):
                yield value


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelInput:
    """The columns a model reads, and the form it wants them in."""

    columns: tuple[str, ...]  # raw columns the model reads, in its order
    form: str  # "table", "matrix" or "texts"
    categories: CategoryColumns
    model_names: tuple[str, ...]  # what the model calls these columns

    @classmethod
    def of(cls, parts: Parts, feature_names: tuple[str, ...], booster: Any | None, rows: pd.DataFrame) -> ModelInput:
        """Find out from a fitted model.

        Args:
            parts: the model.
            feature_names: raw columns there are.
            booster: its ``BoostedModel``, where it is one and nothing stands before it.
            rows: some rows, with these columns.

        Raises:
            ModelError: the model reads columns there are not, or another number of them.
        """
        from interp_pipeline.models.category_columns import CategoryColumns

        named = booster.feature_names if booster is not None else _names_in(parts.model, parts.first)
        width = booster.n_features if booster is not None else _n_in(parts.model, parts.first)
        columns = feature_names if named is None else _matched(parts.final, named, feature_names)
        if width is not None and width != len(columns):
            msg = f"the model reads {width} columns and {len(columns)} are there; give the columns it was trained on"
            raise ModelError(msg)
        categories = booster.categories(columns, rows) if booster is not None else CategoryColumns()
        return cls(columns=columns, form=_form(parts, named), categories=categories, model_names=named or columns)

    def give(self, rows: pd.DataFrame) -> Any:
        """Raw rows in the form the model wants.

        Args:
            rows: raw rows, shape (n_rows, n_features); types as given, categories typed where they are not.
        """
        table = self.categories.typed(rows, all_columns=False)[list(self.columns)]
        if self.form == "texts":
            return table.iloc[:, 0]
        if self.form == "table":
            return table
        if all(getattr(dtype, "kind", "O") in "biuf" for dtype in table.dtypes):
            kinds = [dtype for dtype in table.dtypes if isinstance(dtype, np.dtype)]
            if len(kinds) < table.shape[1]:  # columns of pandas' own types, which may hold its own missing value
                return table.to_numpy(dtype=np.float64, na_value=np.nan)
        return table.to_numpy()


def _names_in(model: Any, first: Any) -> tuple[str, ...] | None:
    for part in (model, first):
        names = getattr(part, "feature_names_in_", None)
        if names is not None:
            return tuple(str(name) for name in names)
    return None


def _n_in(model: Any, first: Any) -> int | None:
    for part in (model, first):
        width = getattr(part, "n_features_in_", None)
        if width is not None:
            return int(width)
    return None


def _matched(final: Any, named: tuple[str, ...], feature_names: tuple[str, ...]) -> tuple[str, ...]:
    """The raw columns behind the names a model was trained with."""
    columns = as_table_calls_them(final, named, feature_names)
    missing = [name for name in columns if name not in feature_names]
    if missing:
        msg = f"the model reads the column {missing[0]!r}, which is not there; give the columns it was trained on"
        raise ModelError(msg)
    return columns


def _form(parts: Parts, named: tuple[str, ...] | None) -> str:
    """A vectorizer wants one column of texts; a model of the known libraries trained without names a matrix."""
    if hasattr(parts.first, "build_analyzer"):
        return "texts"
    known = type(parts.first).__module__.split(".")[0] in {"sklearn", "xgboost", "lightgbm", "catboost"}
    union = type(parts.first).__name__ == "FeatureUnion"  # its parts are somebody's, and do not say
    return "matrix" if named is None and known and not union else "table"
