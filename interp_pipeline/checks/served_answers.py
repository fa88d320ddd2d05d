"""Does the served model give the answers that the explained outputs imply?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.checks.additivity import output_range
from interp_pipeline.checks.verdict import at_most
from interp_pipeline.data.typed_rows import name_of
from interp_pipeline.explanation import CLASS_SCORES, MEAN_PATH_LENGTH, PROBABILITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from interp_pipeline.checks.verdict import Verdict
    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["served_disagreement", "served_verdict"]

_TOLERANCE = 1e-5  # share of the output range: several libraries serve single precision
_TIE = 1e-9  # of the output range: outputs nearer to each other than this decide nothing
_FEW_ROWS = 0.05  # share of rows


def served_disagreement(
    explained: Explanation, answers: Any, class_labels: Mapping[str, str] | None = None
) -> float | None:
    """Share of the explained rows for which the served model's own answer is another one.

    What a served model answers is not always what is explained: scikit-learn serves labels where
    probabilities are explained, LightGBM serves probabilities where log-odds are, and a network may serve the
    logits of the probabilities that are explained. Labels are held against the class with the highest output (or
    the sign of a single score), numbers against the outputs themselves, up to 1e-5 of their range; rows on which
    two classes are level are left out.

    Args:
        explained: any explanation, for its predictions.
        answers: array, series or frame with a line per explained row.
        class_labels: class name by the label the model itself gives it, which need not be the same once a caller
            has named the classes; None or empty: not known.

    Returns:
        Between 0 and 1; None where the two cannot be held against each other.
    """
    table = np.asarray(answers, dtype=object)
    table = table.reshape(-1, 1) if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != len(explained.predictions):  # noqa: PLR2004 - rows and outputs
        return None
    is_classifier = explained.output_unit == PROBABILITY or explained.output_unit in CLASS_SCORES
    if explained.output_unit == MEAN_PATH_LENGTH:
        return _anomalies(explained, table)
    if not is_classifier:
        return _values(explained, explained.predictions, table)
    if table.shape[1] == 1:
        labels = _labels(explained, table[:, 0], class_labels or {})
        return labels if labels is not None else _single_probability(explained, table)
    if explained.output_unit == PROBABILITY:
        return _probabilities(explained, explained.predictions, table)
    numbers = _numbers(table, len(explained.output_names))
    return None if numbers is None else _share(numbers.argmax(axis=1) != _decisions(explained), _clear(explained))


def served_verdict(part: float) -> Verdict:
    """Good where no row gets another answer, fair where few do, poor where the model may be another one.

    Args:
        part: ``served_disagreement``.
    """
    return at_most(part, 0.0, _FEW_ROWS)


def _numbers(table: npt.NDArray[np.object_], n_outputs: int) -> FloatArray | None:
    try:
        numbers = table.astype(np.float64)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.shape[1] == n_outputs else None


def _anomalies(explained: Explanation, table: npt.NDArray[np.object_]) -> float | None:
    """An isolation forest serves -1 for rows whose path is shorter than one length, and 1 for all others."""
    numbers = _numbers(table, 1)
    if numbers is None or not np.isin(numbers, (-1, 1)).all():
        return None
    anomalous, paths = numbers[:, 0] < 0, explained.predictions[:, 0]
    shortest = paths[~anomalous].min(initial=np.inf)
    return float((anomalous & (paths > shortest + _TIE * output_range(explained))).mean())


def _values(explained: Explanation, outputs: FloatArray, table: npt.NDArray[np.object_]) -> float | None:
    numbers = _numbers(table, outputs.shape[1])
    if numbers is None:
        return None
    apart = np.abs(numbers - outputs).max(axis=1)
    return _share(apart > _TOLERANCE * output_range(explained), np.ones(len(apart), dtype=np.bool_))


def _probabilities(explained: Explanation, outputs: FloatArray, table: npt.NDArray[np.object_]) -> float | None:
    """Numbers against probabilities; a network may serve the logits that these are made of."""
    from scipy.special import expit, softmax

    numbers = _numbers(table, outputs.shape[1])
    if numbers is None:
        return None
    readings = (numbers, expit(numbers), softmax(numbers, axis=1))
    shares = [_values(explained, outputs, np.asarray(each, dtype=object)) for each in readings]
    return min((share for share in shares if share is not None), default=None)


def _labels(explained: Explanation, column: npt.NDArray[np.object_], class_labels: Mapping[str, str]) -> float | None:
    """Labels against decisions; None where the answers are neither the model's labels nor the outputs' names."""
    said_as, outputs = [name_of(value) for value in column], explained.output_names
    are_known = set(said_as) <= set(class_labels)
    names = np.array([class_labels[name] for name in said_as] if are_known else said_as, dtype=object)
    if len(outputs) == 1:  # of two classes only the one that the score speaks for has a name here
        if not are_known and outputs[0] not in names and _numbers(column.reshape(-1, 1), 1) is not None:
            return None
        return _share((names != outputs[0]).astype(np.intp) != _decisions(explained), _clear(explained))
    if not set(names) <= set(outputs):
        return None
    said = np.array([outputs.index(name) for name in names])
    return _share(said != _decisions(explained), _clear(explained))


def _single_probability(explained: Explanation, table: npt.NDArray[np.object_]) -> float | None:
    """One number per row of a binary classifier: the probability of its second class.

    Beside a single score it is not known which of the two is the second, so either will do. Whole numbers
    throughout may as well be labels, of which it is not known here what they stand for.
    """
    if explained.positive_class is None:
        return None
    numbers = _numbers(table, 1)
    if numbers is None or np.isin(numbers, (0, 1)).all():
        return None
    is_share = bool(((numbers >= 0) & (numbers <= 1)).all())
    if explained.output_unit == PROBABILITY:
        share = _probabilities(explained, explained.predictions[:, [-1]], table)
        return share if is_share or not share else None  # else they may be labels of any kind
    if not is_share:
        return None
    share = _share((numbers[:, 0] > 0.5) == (_decisions(explained) != 0), _clear(explained))  # noqa: PLR2004 - the middle
    return None if share is None else min(share, 1.0 - share)


def _decisions(explained: Explanation) -> npt.NDArray[np.intp]:
    """Position of the class each row gets; of a single score 0 for the class it speaks for, 1 for the other."""
    if len(explained.output_names) == 1:
        return (explained.predictions[:, 0] <= 0).astype(np.intp)
    return np.asarray(explained.predictions.argmax(axis=1), dtype=np.intp)


def _clear(explained: Explanation) -> npt.NDArray[np.bool_]:
    """Rows on which one class is ahead."""
    ordered = np.sort(explained.predictions, axis=1)
    lead = ordered[:, -1] - ordered[:, -2] if ordered.shape[1] > 1 else np.abs(ordered[:, 0])
    return np.asarray(lead > _TIE * output_range(explained), dtype=np.bool_)


def _share(differs: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_]) -> float | None:
    return float(differs[counted].mean()) if counted.any() else None
