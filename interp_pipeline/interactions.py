"""What pairs of features do together: the value object of interaction values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.summaries import summary_of_interactions

if TYPE_CHECKING:
    from interp_pipeline.explanation import Cost, Explanation, FloatArray

__all__ = ["Interactions"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Interactions:
    """SHAP values of some rows, divided into what each feature does alone and what each pair does together.

    Off the diagonal stands the whole joint effect of a pair, in both of its places: the sum of the two
    equal SHAP interaction values that stand in a matrix as shap's. A feature's SHAP value is its main
    effect and half of every joint effect it has a part in; base value, main effects and joint effects
    (each pair once) add up to the prediction.

    Attributes:
        explanation: the SHAP values that are divided, exact ones of a tree ensemble.
        rows: positions in it of the rows this was done for.
        mean_abs: mean over these rows of the absolute joint effects, on the diagonal of the absolute main
            effects, in units of the model output, shape (n_features, n_features, n_outputs).
        mean: the same with their signs.
        pairs: the strongest pairs, the strongest first; each as two feature indices in rising order.
        values: joint effects of these pairs, shape (len(rows), len(pairs), n_outputs).
        cost: what it took beyond the SHAP values.
    """

    explanation: Explanation
    rows: tuple[int, ...]
    mean_abs: FloatArray
    mean: FloatArray
    pairs: tuple[tuple[int, int], ...]
    values: FloatArray
    cost: Cost

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together and values that are not finite.

        Raises:
            ModelError: an array has the wrong shape or holds NaN or infinity.
        """
        _, n_features, n_outputs = self.explanation.values.shape
        square = (n_features, n_features, n_outputs)
        arrays = {
            "mean_abs": (self.mean_abs, square),
            "mean": (self.mean, square),
            "values": (self.values, (len(self.rows), len(self.pairs), n_outputs)),
        }
        for name, (array, shape) in arrays.items():
            if array.shape != shape or not np.isfinite(array).all():
                msg = f"interactions: {name} has shape {array.shape} or numbers that are not finite, expected {shape}"
                raise ModelError(msg)

    def __repr__(self) -> str:
        """A short table."""
        return summary_of_interactions(self).to_text()

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return summary_of_interactions(self).to_html()

    @property
    def strength(self) -> FloatArray:
        """``mean_abs`` averaged over the outputs a summary speaks about, shape (n_features, n_features)."""
        return np.asarray(self.mean_abs[:, :, list(self.explanation.summary_outputs)].mean(axis=2), dtype=np.float64)

    @property
    def total(self) -> float:
        """Summed strength of all main effects and all pairs, each pair once: what shares are shares of."""
        return float(np.tril(self.strength).sum())

    @property
    def ranking(self) -> tuple[tuple[int, int], ...]:
        """All pairs with any joint effect, the strongest first; ties keep the order of the columns."""
        strength = self.strength
        first, second = np.triu_indices(len(strength), k=1)
        sizes = strength[first, second]
        order = np.argsort(-sizes, kind="stable")[: int((sizes > 0).sum())]
        return tuple(zip(first[order].tolist(), second[order].tolist(), strict=True))
