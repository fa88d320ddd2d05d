"""What the pages are made from: value objects, complete before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.config import Task
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions

__all__ = ["ComparisonColumn", "ComparisonReport", "ExplanationReport"]


@dataclass(frozen=True, kw_only=True, eq=False)
class ExplanationReport:
    """Everything the page about one explained model version says."""

    model_name: str  # registered name
    version: str  # number of the version
    model_kind: str  # in words, as it follows an article: "random forest", "Keras network"
    task: Task
    target: str | None  # None: nothing says what the classes are about
    data_source: str  # what the model learned from, in the user's own words; empty: not known
    n_train: int | None  # rows; None: not known
    n_test: int | None
    n_background: int
    metrics: Mapping[str, float]  # of the test rows, as training.metrics names them; empty: not known
    methods: Mapping[str, str]  # explainer name → why it was chosen
    shap: Explanation
    lime: Explanation | None
    # One row per feature, most important first: feature, rank, mean_abs_shap, mean_shap, std_error
    # and, with LIME, lime_mean_abs_weight; further columns are not shown.
    importance: pd.DataFrame
    instances: tuple[int, ...]  # explained rows that are told one by one, by their numbers as in ``shap.row_ids``
    checks: Mapping[str, float]  # by name, as logged
    # PNG by key: importance, beeswarm, heatmap, dependence_<k>, interactions, waterfall_<row>, lime_<row>
    # with rows as in ``instances``, confusion_matrix, residuals, epochs. Any other key is
    # shown in the appendix under its own name.
    pictures: Mapping[str, bytes]
    interactions: Interactions | None = None  # of a tree ensemble: what pairs of features do together
    interactions_why: str = ""  # a sentence: why there are none; empty: nothing is said of them
    rows_source: str = ""  # where the explained rows came from; empty: they are test rows of the model
    notes: tuple[str, ...] = ()  # remarks about the data and how it was read
    versions: Mapping[str, str] = field(default_factory=dict)  # library → version
    actual: Mapping[int, str] = field(default_factory=dict)  # row → true outcome, where known
    measured_on_explained: bool = False  # the metrics, and n_test, are of the explained rows with known outcomes


@dataclass(frozen=True, kw_only=True)
class ComparisonColumn:
    """One version of a comparison, as a column of the table that says what was compared."""

    label: str  # as in the comparison
    model_kind: str  # in words: "random forest"
    method: str  # name of the explainer
    metrics: Mapping[str, float] = field(default_factory=dict)  # of its test rows
    measured_on_explained: bool = False  # of the compared rows instead


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonReport:
    """Everything the page about a comparison says."""

    comparison: Comparison
    compared: tuple[ComparisonColumn, ...]  # in the order of comparison.labels
    task: Task
    target: str | None
    data_source: str  # where the compared rows came from
    # PNG by key: agreement_matrix, rank_flow, shift, disagreement; a suffix _<k> stands for the
    # k-th pair, counted from 1. Any other key is shown in the appendix under its own name.
    pictures: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
