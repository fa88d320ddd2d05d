"""Estimators of the scikit-learn family: taken apart where each raw column keeps columns of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from interp_pipeline.error_line import error_line
from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.models.adapted import AdaptedModel, Cut
from interp_pipeline.models.black_box import black_box
from interp_pipeline.models.boosted_head import boosted_head
from interp_pipeline.models.column_origins import Origins, transformed
from interp_pipeline.models.find_linear_terms import find_linear_terms
from interp_pipeline.models.model_input import ModelInput, take_apart
from interp_pipeline.models.raw_table import RawTable
from interp_pipeline.models.sklearn_head import sklearn_head
from interp_pipeline.models.verify import mismatch, require_answers, require_match

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.boosted_head import BoostedModel
    from interp_pipeline.models.head import Head
    from interp_pipeline.models.model_input import Parts
    from interp_pipeline.models.outputs import Wanted

__all__ = ["adapt_estimator"]

_MOST_COLUMNS = 4_096  # of a dense encoded input that is asked about in blocks of many rows
_MOST_COLUMNS_READ = 20_000  # where trees or coefficients are read and only the given rows are encoded
_ROWS_COMPARED = 256  # on which a linear function is compared with the estimator
_SINGLE = np.dtype(np.float32)
_Found = TypeVar("_Found")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """How raw rows reach the final estimator."""

    encode: Callable[[pd.DataFrame], FloatArray] | None  # typed raw rows; None: the raw matrix, reordered
    groups: tuple[tuple[int, ...], ...]  # per column the model reads
    note: str


def adapt_estimator(
    native: Any, feature_names: tuple[str, ...], rows: pd.DataFrame, background: pd.DataFrame, wanted: Wanted
) -> AdaptedModel:
    """Adapt a fitted estimator, pipeline or search.

    Args:
        native: scikit-learn's, XGBoost's, LightGBM's or CatBoost's, or anything with their methods.
        feature_names: raw columns, in the caller's order.
        rows: rows to explain.
        background: background data.
        wanted: what of the model is to be explained.

    Raises:
        ModelError: the model cannot be explained.
        UsageError: what is wanted does not fit the model.
    """
    parts = take_apart(native)
    booster = _booster(parts.final)
    model_input = ModelInput.of(parts, feature_names, None if parts.steps else booster, rows)
    origins = Origins()
    owners = _unless_it_fails(lambda: _follow(origins, parts, model_input, rows))
    coded = {model_input.columns[i] for i in origins.named}
    if booster is not None and not isinstance(owners, str):
        coded |= {model_input.columns[i] for column in booster.named_columns for i in owners[column]}
    table = RawTable(feature_names, rows, background, coded, model_input.categories.typed)
    everything = table.to_frame(np.concatenate([table.to_matrix(part) for part in (rows, background)]))

    def cut() -> AdaptedModel | str:
        if isinstance(owners, str):
            return owners
        if parts.steps:
            plan = _pipeline_plan(parts, booster, model_input, origins.mixers, owners, everything)
        else:
            plan = _bare_plan(parts, booster, model_input, table, everything)
        if isinstance(plan, str):
            return plan
        head = _head(parts, booster, model_input.give(everything), wanted, exact=True)
        model = _taken_apart(parts, model_input, table, head, plan, everything)
        return _too_wide(model) or mismatch(model, rows, background) or model

    model = _unless_it_fails(cut)
    if isinstance(model, str):
        head = _head(parts, booster, model_input.give(everything), wanted, exact=False)
        note = f"The model is asked about whole rows of the table, and not taken apart: {model}."
        model = black_box(table, head.outputs, _ask(parts, model_input, head), note, frozenset(model_input.columns))
        require_match(model, rows, background)
    else:
        require_answers(model, rows, background)
    return model


def _unless_it_fails(attempt: Callable[[], _Found]) -> _Found | str:
    """What an attempt to look into a model finds, or why it does not: a model that answers can be asked as a whole."""
    try:
        return attempt()
    except (UsageError, ModuleNotFoundError):
        raise
    except ModelError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - code of the model and of its library, made to do what they need not be able to
        return f"looking into it raises {error_line(error)}"


def _booster(final: Any) -> BoostedModel | None:
    libraries = {kind.__module__.partition(".")[0] for kind in type(final).__mro__}
    if "xgboost" in libraries:
        from interp_pipeline.models.xgboost_booster import XGBoostModel

        return XGBoostModel(final)
    if "lightgbm" in libraries:
        from interp_pipeline.models.lightgbm_booster import LightGBMModel

        return LightGBMModel(final)
    if "catboost" in libraries:
        from interp_pipeline.models.catboost_booster import CatBoostModel

        return CatBoostModel(final)
    return None


def _head(parts: Parts, booster: BoostedModel | None, sample: Any, wanted: Wanted, *, exact: bool) -> Head:
    if booster is not None:
        return boosted_head(booster, parts.model, sample, wanted, exact=exact)
    return sklearn_head(parts.final, parts.model, sample, wanted, exact=exact)


def _ask(parts: Parts, model_input: ModelInput, head: Head) -> Callable[[pd.DataFrame], FloatArray]:
    return lambda rows: head.ask(parts.model, model_input.give(rows))


def _follow(origins: Origins, parts: Parts, model_input: ModelInput, rows: pd.DataFrame) -> list[frozenset[int]]:
    """Origins of the final estimator's columns, as positions among the columns the model reads."""
    own = [frozenset({i}) for i in range(len(model_input.columns))]
    if not parts.steps:
        return own
    return origins.through(parts.steps, model_input.give(rows[:2]), own)[1]


def _pipeline_plan(
    parts: Parts,
    booster: BoostedModel | None,
    model_input: ModelInput,
    mixers: list[str],
    owners: list[frozenset[int]],
    everything: pd.DataFrame,
) -> _Plan | str:
    """How to cut a pipeline in front of its final estimator, or why that cannot be."""
    if any(len(owner) > 1 for owner in owners):
        return f"{' and '.join(dict.fromkeys(mixers))} mixes several columns into one"
    if len(owners) > _MOST_COLUMNS_READ:
        return _width_problem(len(owners), _MOST_COLUMNS_READ)
    if parts.is_composed:
        return f"{type(parts.final).__name__} holds preprocessing of its own"
    groups: list[list[int]] = [[] for _ in model_input.columns]
    for column, owner in enumerate(owners):
        for feature in owner:
            groups[feature].append(column)
    names = ", ".join(type(step).__name__ for step in parts.steps)
    return _Plan(
        encode=_encoder(parts, booster, model_input, everything),
        groups=tuple(map(tuple, groups)),
        note=f"Effects are those of the table's columns, each with all that the preprocessing ({names}) makes of it.",
    )


def _encoder(
    parts: Parts, booster: BoostedModel | None, model_input: ModelInput, everything: pd.DataFrame
) -> Callable[[pd.DataFrame], FloatArray]:
    """From typed raw rows to the numbers the final estimator compares, a booster's categories as their codes."""
    behind = _behind(parts.steps, model_input.give(everything))
    if booster is None or not isinstance(behind, pd.DataFrame):
        return lambda rows: _dense(_behind(parts.steps, model_input.give(rows)))
    categories = booster.compared(tuple(behind.columns), behind)
    categories.typed(behind)  # refuses what the booster would, and says where it stands
    return lambda rows: categories.codes(categories.typed(_behind(parts.steps, model_input.give(rows))))


def _bare_plan(
    parts: Parts, booster: BoostedModel | None, model_input: ModelInput, table: RawTable, everything: pd.DataFrame
) -> _Plan | str:
    """How to give a bare estimator the raw matrix, or why that cannot be."""
    if parts.is_composed:
        return f"{type(parts.final).__name__} holds preprocessing of its own"
    categories = model_input.categories
    if booster is not None:
        categories = booster.compared(model_input.columns, everything)
    others = [name for name in model_input.columns if not table.is_number(name) and name not in categories.values]
    if others:
        return f"the column {others[0]!r} does not hold numbers"
    return _Plan(
        encode=(lambda rows: categories.codes(rows[list(model_input.columns)])) if categories.values else None,
        groups=tuple((i,) for i in range(len(model_input.columns))),
        note="Effects are those of the table's columns, which the model reads as they are.",
    )


def _taken_apart(
    parts: Parts, model_input: ModelInput, table: RawTable, head: Head, plan: _Plan, everything: pd.DataFrame
) -> AdaptedModel:
    """The model, cut in front of its final estimator."""
    position = {name: i for i, name in enumerate(model_input.columns)}
    order = [table.feature_names.index(name) for name in model_input.columns]
    encode_rows = plan.encode
    if encode_rows is None:
        source = np.result_type(*(_plain(table.dtypes[name]) for name in model_input.columns))

        def encode(matrix: FloatArray) -> FloatArray:
            return matrix[:, order]
    else:
        source = _dtype_behind(parts, model_input, everything) if parts.steps else np.dtype(np.float64)

        def encode(matrix: FloatArray) -> FloatArray:
            return encode_rows(table.to_frame(matrix))

    forward = head.forward or (lambda encoded: head.ask(parts.final, _as_trained(parts.final, encoded, source)))
    groups = tuple(plan.groups[position[name]] if name in position else () for name in table.feature_names)
    cut = Cut(
        outputs=head.outputs,
        encode=encode,
        forward=forward,
        ask=_ask(parts, model_input, head),
        column_groups=groups,
        trees=head.trees,
        note=plan.note,
    )
    if head.may_be_linear and head.trees is None:
        encoded = encode(table.to_matrix(everything[:_ROWS_COMPARED]))
        cut = replace(cut, linear=find_linear_terms(parts.final, head.outputs, encoded, forward(encoded)))
    return AdaptedModel(table=table, cut=cut)


def _too_wide(model: AdaptedModel) -> str | None:
    """Why the encoded input cannot be asked about in blocks, where nothing of the estimator can be read instead."""
    if model.trees is not None or model.linear is not None:
        return None
    width = sum(len(group) for group in model.column_groups)
    return _width_problem(width, _MOST_COLUMNS) if width > _MOST_COLUMNS else None


def _width_problem(width: int, most: int) -> str:
    return f"its preprocessing makes {width:,} columns, and up to {most:,} can be looked at behind it"


def _behind(steps: tuple[Any, ...], rows: Any) -> Any:
    for step in steps:
        rows = transformed(step, rows)
    return rows


def _dense(rows: Any) -> FloatArray:
    """A transformer's output as a matrix of doubles."""
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    if isinstance(rows, pd.DataFrame):
        return rows.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(rows, dtype=np.float64)


def _dtype_behind(parts: Parts, model_input: ModelInput, rows: pd.DataFrame) -> np.dtype[Any]:
    behind = _behind(parts.steps, model_input.give(rows[:2]))
    return np.result_type(*map(_plain, behind.dtypes)) if isinstance(behind, pd.DataFrame) else behind.dtype


def _plain(dtype: Any) -> np.dtype[Any]:
    """The numpy type behind a column's type."""
    return dtype if isinstance(dtype, np.dtype) else np.dtype(np.float64)


def _as_trained(final: Any, encoded: FloatArray, source: np.dtype[Any]) -> Any:
    """The estimator's input with the precision and the names it was fitted with."""
    matrix = encoded.astype(_SINGLE) if source == _SINGLE else encoded
    names = getattr(final, "feature_names_in_", None)
    return matrix if names is None else pd.DataFrame(matrix, columns=names)
