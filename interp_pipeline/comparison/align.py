"""Bring explanations of any models onto the same rows, outputs and feature names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from interp_pipeline.errors import UsageError
from interp_pipeline.readable import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.explanation import Explanation, FloatArray

__all__ = ["AlignedExplanation", "align"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AlignedExplanation:
    """One explanation in the common order of rows and outputs, its features sorted by name.

    Attributes:
        label: its name in the comparison.
        features: feature names, sorted.
        values: attributions of the compared outputs, shape (n_rows, n_features, n_outputs).
        std_errors: of the values, same shape; zero where they are exact.
        predictions: of the compared outputs, shape (n_rows, n_outputs).
        decisions: per row the class with the highest prediction among all outputs of the model, by
            name, shape (n_rows,).
        classes: all outputs of the model, sorted.
    """

    label: str
    features: tuple[str, ...]
    values: FloatArray
    std_errors: FloatArray
    predictions: FloatArray
    decisions: np.ndarray[tuple[int], np.dtype[np.object_]]
    classes: tuple[str, ...]

    @property
    def importance(self) -> FloatArray:
        """Mean absolute attribution over rows and compared outputs, shape (n_features,)."""
        return np.asarray(np.abs(self.values).mean(axis=(0, 2)), dtype=np.float64)

    @property
    def ranks(self) -> dict[str, int]:
        """Rank of each feature, 1 the most important; equal importance ranks by name."""
        order = np.argsort(-self.importance, kind="stable")
        return {self.features[feature]: rank for rank, feature in enumerate(order, start=1)}

    def at(self, features: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Values and standard errors of the named features, each (n_rows, len(features), n_outputs)."""
        positions = {name: i for i, name in enumerate(self.features)}
        chosen = [positions[name] for name in features]
        return self.values[:, chosen], self.std_errors[:, chosen]


def align(
    explanations: Sequence[Explanation], labels: Sequence[str]
) -> tuple[tuple[AlignedExplanation, ...], tuple[str, ...]]:
    """Check that explanations can be compared, and put them in one order.

    Args:
        explanations: two or more; the first is the reference, whose rows give the order.
        labels: one distinct name each.

    Returns:
        The aligned explanations and the names of the compared outputs.

    Raises:
        UsageError: fewer than two, labels that do not fit, or explanations without common outputs,
            units, rows or features.
    """
    _check_labels(explanations, labels)
    reference = explanations[0]
    for other, label in zip(explanations[1:], labels[1:], strict=True):
        _check_unit(reference, labels[0], other, label)
    outputs = _common_outputs(explanations, labels)
    aligned = []
    for explanation, label in zip(explanations, labels, strict=True):
        order = _row_order(reference, labels[0], explanation, label)
        _check_same_data(reference, labels[0], explanation, label, order)
        aligned.append(_aligned(explanation, label, order, outputs))
    return tuple(aligned), outputs


def _aligned(explanation: Explanation, label: str, rows: list[int], outputs: tuple[str, ...]) -> AlignedExplanation:
    names = explanation.feature_names
    columns = sorted(range(len(names)), key=names.__getitem__)
    chosen = [explanation.output_names.index(name) for name in outputs]
    errors = explanation.std_errors
    block = np.ix_(rows, columns, chosen)
    top = explanation.predictions[rows].argmax(axis=1)
    return AlignedExplanation(
        label=label,
        features=tuple(names[i] for i in columns),
        values=explanation.values[block],
        std_errors=np.zeros((len(rows), len(columns), len(chosen))) if errors is None else errors[block],
        predictions=explanation.predictions[np.ix_(rows, chosen)],
        decisions=np.array(explanation.output_names, dtype=object)[top],
        classes=tuple(sorted(explanation.output_names)),
    )


def _check_labels(explanations: Sequence[Explanation], labels: Sequence[str]) -> None:
    if len(explanations) < 2:  # noqa: PLR2004 - a comparison needs two, that is what the word means
        msg = f"a comparison needs at least two explanations, got {len(explanations)}: name another model version"
        raise UsageError(msg)
    if len(labels) != len(explanations):
        msg = f"{len(explanations)} explanations but {len(labels)} labels: give one label each"
        raise UsageError(msg)
    if len(set(labels)) != len(labels):
        twice = sorted({label for label in labels if list(labels).count(label) > 1})
        msg = f"label {twice[0]!r} is given twice: name each version once, under a label of its own"
        raise UsageError(msg)


def _check_unit(reference: Explanation, reference_label: str, other: Explanation, label: str) -> None:
    if reference.output_unit != other.output_unit:
        msg = (
            f"{reference_label} explains {reference.output_unit!r} and {label} explains {other.output_unit!r}: "
            "compare models that predict the same thing"
        )
        raise UsageError(msg)


def _common_outputs(explanations: Sequence[Explanation], labels: Sequence[str]) -> tuple[str, ...]:
    reference = explanations[0]
    common = [name for name in reference.output_names if all(name in e.output_names for e in explanations)]
    if not common:
        listed = "; ".join(
            f"{label}: {', '.join(e.output_names)}" for e, label in zip(explanations, labels, strict=True)
        )
        msg = f"the models have no output in common ({listed}): compare models of the same target"
        raise UsageError(msg)
    summary = [reference.output_names[i] for i in reference.summary_outputs]
    return tuple(name for name in summary if name in common) or tuple(common)


def _row_order(reference: Explanation, reference_label: str, other: Explanation, label: str) -> list[int]:
    """Positions in ``other`` of the reference's rows, one after the other."""
    wanted, found = reference.row_ids, other.row_ids
    if wanted == found:
        return list(range(len(wanted)))
    positions = {row_id: i for i, row_id in enumerate(found)}
    if len(positions) != len(found) or len(set(wanted)) != len(wanted) or set(wanted) != set(found):
        shared = len(set(wanted) & set(found))
        msg = (
            f"{reference_label} was explained on {count(len(wanted), 'row')} and {label} on {len(found)}, "
            f"{shared} of them the same: explain both on the same rows"
        )
        raise UsageError(msg)
    return [positions[row_id] for row_id in wanted]


def _check_same_data(
    reference: Explanation, reference_label: str, other: Explanation, label: str, order: list[int]
) -> None:
    shared = [name for name in reference.feature_names if name in set(other.feature_names)]
    if not shared:
        msg = f"{reference_label} and {label} have no feature in common: compare models of the same data"
        raise UsageError(msg)
    for name in shared:
        same = _equal_cells(reference.data[name], other.data[name].iloc[order])
        if not same.all():
            row_id = reference.row_ids[int(np.argmin(same))]
            msg = (
                f"{reference_label} and {label} were explained on different data: feature {name!r} differs "
                f"in {count(int((~same).sum()), 'row')}, first in row {row_id}; explain both on the same rows"
            )
            raise UsageError(msg)


def _equal_cells(left: pd.Series, right: pd.Series) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which cells agree: as numbers where both are numbers, else as text; missing equals missing."""
    gone_left, gone_right = left.isna().to_numpy(), right.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(left) and pd.api.types.is_numeric_dtype(right):
        same = left.to_numpy(dtype=np.float64, na_value=np.nan) == right.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        same = left.astype(str).to_numpy(dtype=object) == right.astype(str).to_numpy(dtype=object)
    both_gone: np.ndarray[tuple[int], np.dtype[np.bool_]] = gone_left & gone_right
    return np.where(gone_left | gone_right, both_gone, same)
