"""Is what is explained really the model? Compared with the library's own answers, on real and on mixed rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import PROBABILITY
from interp_pipeline.readable import count

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.adapted import AdaptedModel

__all__ = ["mismatch", "require_answers", "require_match"]

_MOST_ROWS = 128  # of each table: enough to meet what differs, few enough for slow models
_N_MIXED = 64  # rows made of one explained and one background row
_TOLERANCE = 1e-5  # of the largest output: several libraries add up in single precision
_SUM_TOLERANCE = 1e-3  # how far rows of probabilities may be from summing to 1
_NAMED = 5  # classes in a message
_ENCODED_TOLERANCE = 1e-9  # of the largest entry: the last bits of a sum may depend on the rows beside it


def mismatch(model: AdaptedModel, rows: pd.DataFrame, background: pd.DataFrame) -> str | None:
    """Why the adapted model is not the one it was made of, in words; None if it is.

    Args:
        model: the adapted model.
        rows: rows to explain.
        background: background data.

    Returns:
        A difference on real rows, on rows mixed of an explained and a background row, or between
        mixing encoded rows and encoding mixed ones, which is what masking rests on.
    """
    first, second = model.to_matrix(rows[:_MOST_ROWS]), model.to_matrix(background[:_MOST_ROWS])
    for matrix, table in ((first, rows[:_MOST_ROWS]), (second, background[:_MOST_ROWS])):
        if not _equal(model.forward(model.encode(matrix)), model.reference(table), _TOLERANCE):
            return "the outputs are not those of the model itself"
    random = np.random.default_rng(0)
    x, z = (part[random.integers(len(part), size=_N_MIXED)] for part in (first, second))
    taken = random.random(x.shape) < 0.5  # noqa: PLR2004 - a coin per feature
    mixed = np.where(taken, x, z)
    encoded = model.encode(mixed)
    outputs = model.forward(encoded)
    if not _equal(outputs, model.reference(model.table.to_frame(mixed)), _TOLERANCE):
        return "the outputs for rows put together from two others are not those of the model itself"
    columns_taken = np.zeros(encoded.shape, dtype=np.bool_)
    for feature, columns in enumerate(model.column_groups):
        columns_taken[:, list(columns)] = taken[:, [feature]]
    if not _equal(np.where(columns_taken, model.encode(x), model.encode(z)), encoded, _ENCODED_TOLERANCE):
        return "what its preprocessing makes of a column depends on other columns"
    layer = model.first_layer
    if layer is not None and not _equal(layer.rest(encoded @ layer.weights + layer.bias), outputs, _TOLERANCE):
        return "the outputs from the sums of its first layer are not those of the model itself"
    return None


def require_answers(model: AdaptedModel, rows: pd.DataFrame, background: pd.DataFrame) -> None:
    """Refuse a model that is no fixed function with finite answers.

    Raises:
        ModelError: its answers are not as many as the rows, change from call to call or with the rows beside, or
            are not finite.
    """
    for table in (rows[:_MOST_ROWS], background[:_MOST_ROWS]):
        answers = model.reference(table)
        if len(answers) != len(table):
            given = f"{count(len(answers), 'answer')} for {count(len(table), 'row')}"
            msg = f"the model gives {given}; it must give one for each row"
            raise ModelError(msg)
        broken = np.flatnonzero(~np.isfinite(answers).all(axis=1))
        if len(broken):
            msg = (
                f"the model's answer for row {table.index[broken[0]]} is not a finite number; "
                "give rows it can answer, or fill the values it lacks"
            )
            raise ModelError(msg)
        _require_one_class(model, table, answers)
        if not _equal(answers, model.reference(table), _TOLERANCE):
            msg = "the model answers the same rows differently each time; only a fixed function can be explained"
            raise ModelError(msg)
        turned, alone = model.reference(table.iloc[::-1])[::-1], model.reference(table.iloc[:1])
        if not (_equal(turned, answers, _TOLERANCE) and _equal(alone, answers[:1], _TOLERANCE)):
            raise _depends_on_others(table, answers, turned, alone)


def _require_one_class(model: AdaptedModel, table: pd.DataFrame, answers: FloatArray) -> None:
    """Refuse probabilities that are not those of classes of which each row has exactly one.

    Raises:
        ModelError: those of a row do not sum to 1.
    """
    outputs = model.cut.outputs
    if outputs.unit != PROBABILITY or len(outputs.names) == 1 or not outputs.exclude_each_other:
        return
    sums = answers.sum(axis=1)
    row = int(np.argmax(np.abs(sums - 1.0)))
    if abs(sums[row] - 1.0) > _SUM_TOLERANCE:
        names = ", ".join(outputs.names[:_NAMED]) + (", ..." if len(outputs.names) > _NAMED else "")
        msg = (
            f"the model's probabilities of its classes ({names}) sum to {sums[row]:.4g} for row {table.index[row]}, "
            "not to 1, so they are not those of classes of which a row has one; register one model per label, or a "
            "Python function that answers with these numbers"
        )
        raise ModelError(msg)


def _depends_on_others(table: pd.DataFrame, answers: FloatArray, turned: FloatArray, alone: FloatArray) -> ModelError:
    """What is said of a model that computes something over all rows it is asked about; with one row as an example."""
    far = np.abs(turned - answers).max(axis=1)
    row = int(np.argmax(far)) if far.max() > 0 else 0
    other, how = (turned[row], "in another order") if far.max() > 0 else (alone[0], "alone")
    output = int(np.argmax(np.abs(other - answers[row])))
    return ModelError(
        f"the model's answer for row {table.index[row]} is {answers[row, output]:.6g} among {len(table)} rows and "
        f"{other[output]:.6g} {how}: it depends on the rows that are asked about with it, and only a function of one "
        "row can be explained; let it take means, ranks and scales from training in place of the rows at hand"
    )


def require_match(model: AdaptedModel, rows: pd.DataFrame, background: pd.DataFrame) -> None:
    """Refuse a model that cannot be explained soundly.

    Raises:
        ModelError: it is no fixed function with finite answers, or the adapted model is not the one it was made of.
    """
    require_answers(model, rows, background)
    problem = mismatch(model, rows, background)
    if problem is not None:
        msg = f"the model cannot be asked what single columns do: {problem}; give them in the types it was trained on"
        raise ModelError(msg)


def _equal(found: FloatArray, expected: FloatArray, tolerance: float) -> bool:
    if found.shape != expected.shape:
        return False
    finite = np.isfinite(expected)
    scale = float(np.abs(expected[finite]).max(initial=0.0))
    with np.errstate(invalid="ignore"):  # infinity minus infinity, which the first part has settled
        return bool(
            (
                (found == expected)
                | (np.isnan(found) & np.isnan(expected))
                | (np.abs(found - expected) <= tolerance * scale)
            ).all()
        )
