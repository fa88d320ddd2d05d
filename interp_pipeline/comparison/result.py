"""What a comparison found, as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.summaries import summary_of_comparison

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from interp_pipeline.config import CompareConfig

__all__ = ["Comparison"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """How far explanations of the same rows lie apart; the first one is the reference.

    Attributes:
        labels: one name per explanation, the reference first.
        methods: the explainer each one was computed with.
        outputs: the model outputs that were compared: those the reference's summary speaks about
            and all others have too.
        output_unit: what one unit of an attribution is.
        n_rows: number of rows all explanations speak about.
        features: one row per pair and feature both have, by pair and the reference's rank:
            ``feature, against, importance_<label>…, rank_<label>…, delta, ci_low, ci_high,
            significant, sign_flips, mean_abs_shift``. Importance is the mean absolute attribution
            over rows and compared outputs; a rank counts all features of its explanation; both
            are missing for a label that does not know the feature. ``delta`` is the importance of
            ``against`` minus that of the reference. With a single explained row there is no
            interval: ``ci_low`` and ``ci_high`` are missing.
        agreement: one row per pair: ``reference, against, rank_correlation, top_k,
            top_k_overlap, sign_flips, mean_abs_shift, significant_features,
            prediction_mean_abs_difference, different_decisions``. ``top_k`` is the size that was
            used, at most the number of features. The last is the share of rows put into different classes; it is
            missing for regressions and where the classes differ.
        per_row: one row per pair and explained row, the largest disagreement of a pair first:
            ``row_id, against, distance, output, prediction_<label>…, largest_feature``. ``distance``
            is the sum over common features of the absolute difference of attributions, averaged
            over the compared outputs; the predictions are those of ``output``, the one on which
            the pair's predictions differ most; ``largest_feature`` adds most to the distance.
        rank_correlations: Spearman's correlation of the importances of every two explanations, over
            the features both have; labels by labels, 1 on the diagonal.
        only_in: per label, the features at least one other explanation does not have.
        metrics: the agreement of the reference with the last explanation, by metric name.
        config: what was asked for.
    """

    labels: tuple[str, ...]
    methods: tuple[str, ...]
    outputs: tuple[str, ...]
    output_unit: str
    n_rows: int
    features: pd.DataFrame
    agreement: pd.DataFrame
    per_row: pd.DataFrame
    rank_correlations: pd.DataFrame
    only_in: Mapping[str, tuple[str, ...]]
    metrics: Mapping[str, float]
    config: CompareConfig

    def __repr__(self) -> str:
        """A short table."""
        return summary_of_comparison(self).to_text()

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return summary_of_comparison(self).to_html()

    @property
    def reference(self) -> str:
        """Label of the explanation the others are compared with."""
        return self.labels[0]

    def pair(self, against: str) -> pd.DataFrame:
        """The rows of ``features`` for the pair of the reference and ``against``."""
        chosen = self.features[self.features["against"] == against]
        return chosen.reset_index(drop=True)

    def rank_table(self) -> pd.DataFrame:
        """Ranks of the features all explanations have, one row each: ``feature, rank_<label>…``."""
        everywhere = set(self.features["feature"]).difference(*self.only_in.values())
        table = self.pair(self.labels[-1])
        chosen = table[table["feature"].isin(everywhere)]
        return chosen[["feature", *(f"rank_{label}" for label in self.labels)]].reset_index(drop=True)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by the names they are published under: ``features``, ``agreement``, ``rows``."""
        return {"features": self.features, "agreement": self.agreement, "rows": self.per_row}
