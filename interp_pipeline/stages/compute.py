"""The second stage of explaining: model and rows in, checked numbers out. Needs no credential and no server."""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from interp_pipeline.checks import require_additivity, run_checks
from interp_pipeline.errors import DataError, ModelError
from interp_pipeline.explainers.method import require_as_declared
from interp_pipeline.explainers.planner import plan_explainers
from interp_pipeline.explainers.registry import find_method, load_explainer
from interp_pipeline.explainers.shap_interactions import compute_interactions, plan_interactions
from interp_pipeline.readable import count, share
from interp_pipeline.stages.answers_as_given import answers_as_given
from interp_pipeline.stages.facts import facts_of_model, facts_of_training
from interp_pipeline.stages.rows.unseen_categories import mark_unseen
from interp_pipeline.tracking.models.load import ModelTables, load_model
from interp_pipeline.tracking.models.model_code import model_code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.outcomes import OutcomeKind
    from interp_pipeline.explainers.registry import Choice
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions
    from interp_pipeline.progress import Progress
    from interp_pipeline.stages.facts import Facts
    from interp_pipeline.tracking.models.load import LoadedModel
    from interp_pipeline.tracking.runs.training_run import TrainingRecord

__all__ = ["ComputeInput", "Computed", "compute", "load", "require_readable", "tables_of"]

_MASKED = "predict rows in which some values come from other rows"


class Named(Protocol):
    """A version, as far as messages need it."""

    @property
    def uri(self) -> str:
        """Its model URI."""


class ComputeInput(Protocol):
    """What the computation has to be told: a ``Fetched``, or as much of it as a process without credentials gets."""

    @property
    def version(self) -> Named:
        """The version that is explained."""

    @property
    def record(self) -> TrainingRecord | None:
        """What training left, for the words of the report; no number depends on it."""

    @property
    def model_path(self) -> Path:
        """Folder with the MLmodel file."""

    @property
    def rows(self) -> pd.DataFrame:
        """The rows to explain, index: row ids; columns: the raw features, and maybe others."""

    @property
    def rows_source(self) -> str:
        """Where they came from, in words."""

    @property
    def background(self) -> pd.DataFrame:
        """Background data, with the same columns."""

    @property
    def target(self) -> str | None:
        """Name of the target column, where known."""

    @property
    def outcome_kind(self) -> OutcomeKind:
        """What the true outcomes are, where they are known."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Computed:
    """The explanations of one version on the same rows, and how they did in the checks."""

    shap: Explanation | None
    lime: Explanation | None
    interactions: Interactions | None
    interactions_why: str  # why they were computed, for how many rows, or why not
    facts: Facts  # what the version is
    rows: pd.DataFrame  # the explained rows as the model takes them: its raw features, index: row ids
    background: pd.DataFrame  # likewise
    choices: tuple[Choice, ...]  # which methods, and why each
    checks: Mapping[str, float]
    timings_s: Mapping[str, float]  # by stage
    peak_memory_mb: float  # of this process so far


def tables_of(fetched: ComputeInput) -> ModelTables:
    """What the model is loaded for."""
    return ModelTables(
        rows=fetched.rows,
        background=fetched.background,
        target=fetched.target,
        outcomes=fetched.outcome_kind,
        source=fetched.rows_source,
    )


def load(fetched: ComputeInput, config: ExplainConfig, progress: Progress) -> LoadedModel:
    """Load the fetched model, and see that it can read the rows.

    Args:
        fetched: model files, rows, background.
        config: which output is explained.
        progress: listens.

    Raises:
        ModelError: the model cannot be loaded.
        UsageError: the rows lack a column, or an option does not fit the model.
        DataError: a row holds a value the model cannot read.
    """
    with progress.track("Loading the model", 1) as advance:
        loaded = load_model(fetched.model_path, fetched.version.uri, tables_of(fetched), config)
        advance(1)
    require_readable(loaded, fetched)
    return loaded


def compute(
    fetched: ComputeInput, config: ExplainConfig, progress: Progress, loaded: LoadedModel | None = None
) -> Computed:
    """Load the model, explain the rows by each chosen method, check the result.

    Args:
        fetched: model files, rows, background.
        config: methods and accuracy.
        progress: listens.
        loaded: what ``load`` gave for the same arguments; None: it is loaded here.

    Raises:
        ModelError: the model cannot be loaded or explained.
        ModelError: or the registered model answers the rows as they were given otherwise than those it is asked about.
        CheckError: base value and attributions do not add up to the model's output.
        UsageError: a method was asked for that does not exist, or a row holds a value the model cannot read.
    """
    started = time.perf_counter()
    if loaded is None:
        loaded = load(fetched, config, progress)
    uri = fetched.version.uri
    answers, refusals = answers_as_given(loaded, uri)
    timings = {"load": time.perf_counter() - started}
    with model_code(uri, _MASKED):
        choices = plan_explainers(loaded.parts, loaded.rows, loaded.background, config)
    for choice in choices:
        progress.say(f"{choice.name}: {choice.why}")
    shap, lime, choices = _explained(loaded, choices, config, uri, progress, timings)
    if fetched.record is not None:
        schema = fetched.record.schema
        shap, lime = (None if each is None else mark_unseen(each, schema) for each in (shap, lime))
    started = time.perf_counter()
    interactions, why = _interactions(loaded, shap, config, uri, progress)
    timings["interactions"] = time.perf_counter() - started
    started = time.perf_counter()
    checks, remarks = _checks(loaded, shap, lime, answers, uri)
    remarks = (*refusals, *remarks)
    for remark in remarks:
        progress.say(remark)
    timings["check"] = time.perf_counter() - started
    return Computed(
        shap=shap,
        lime=lime,
        interactions=interactions,
        interactions_why=why,
        facts=_facts(fetched, loaded, shap or lime, remarks),
        rows=loaded.rows,
        background=loaded.background,
        choices=choices,
        checks=checks,
        timings_s=timings,
        peak_memory_mb=_peak_memory_mb(),
    )


def _explained(
    loaded: LoadedModel,
    choices: tuple[Choice, ...],
    config: ExplainConfig,
    uri: str,
    progress: Progress,
    timings: dict[str, float],
) -> tuple[Explanation | None, Explanation | None, tuple[Choice, ...]]:
    """SHAP values, LIME weights, and the methods, with the reason where one gave no numbers.

    LIME gives a second opinion: where it cannot, SHAP values that are found stand without it. Times are entered in
    ``timings``.

    Raises:
        ModelError: SHAP values were asked for and not found; or LIME alone was.
    """
    shap: Explanation | None = None
    lime: Explanation | None = None
    failures: dict[str, ModelError] = {}  # of LIME
    for choice in choices:
        started, explainer = time.perf_counter(), load_explainer(choice.name)
        doing = f"Explaining {count(len(loaded.rows), 'row')} with {choice.name}"
        try:
            with model_code(uri, _MASKED), progress.track(doing, len(loaded.rows)) as advance:
                result = explainer.explain(loaded.parts, loaded.rows, loaded.background, config, advance)
            require_as_declared(result, explainer.method, loaded.parts, loaded.rows)
        except ModelError as error:
            if explainer.method.kind == "shap":
                raise
            failures[choice.name] = error
        else:
            if explainer.method.kind == "shap":
                require_additivity(result, config.additivity_tolerance)
                shap = shap or result
            else:
                lime = lime or result
        timings[choice.name] = time.perf_counter() - started
    if shap is None and lime is None:
        raise next(iter(failures.values()))
    for name, failure in failures.items():
        progress.say(f"{name} gave no numbers, and the SHAP values stand without it: {failure}")
    return shap, lime, tuple(_marked(choice, failures.get(choice.name)) for choice in choices)


def _marked(choice: Choice, failure: ModelError | None) -> Choice:
    return choice if failure is None else dataclasses.replace(choice, failed=str(failure))


def _interactions(
    loaded: LoadedModel, shap: Explanation | None, config: ExplainConfig, uri: str, progress: Progress
) -> tuple[Interactions | None, str]:
    """What pairs of features do together where that can be read from trees, and why or why not."""
    if shap is None:
        return None, "Interactions were not computed: they divide SHAP values, and none were asked for."
    plan = plan_interactions(loaded.parts, shap, len(loaded.background), config)
    if not plan.rows:
        return None, plan.why
    doing = f"Finding interactions in {count(len(plan.rows), 'row')}"
    with model_code(uri, "predict these rows"), progress.track(doing, len(plan.rows)) as advance:
        found = compute_interactions(loaded.parts, shap, loaded.background, plan.rows, advance)
    # In the order of a file: means over them then have the same last bits here and wherever they are read back.
    return dataclasses.replace(found, values=np.ascontiguousarray(found.values)), plan.why


def _checks(
    loaded: LoadedModel, shap: Explanation | None, lime: Explanation | None, answers: Any, uri: str
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The checks, and what is to be said of them."""
    with model_code(uri, "predict these rows"):
        served, background = loaded.reference(loaded.rows), loaded.reference(loaded.background)
    checks = run_checks(
        shap=shap,
        lime=lime,
        served_predictions=served,
        background_predictions=background if shap is None or find_method(shap.method).against_background else None,
        served_answers=answers,
        class_labels=loaded.class_labels,
    )
    disagreeing = checks.get("served_disagreement", 0.0)
    if not disagreeing:
        return checks, ()
    part = f"In {share(disagreeing, 1.0)} of the explained rows"
    return checks, (f"{part} the served model gives another answer than the explained outputs imply.",)


def _facts(
    fetched: ComputeInput, loaded: LoadedModel, explained: Explanation | None, remarks: tuple[str, ...]
) -> Facts:
    if fetched.record is not None:
        return facts_of_training(fetched.record)
    if explained is None:
        msg = f"{fetched.version.uri} was not explained"
        raise AssertionError(msg)
    return facts_of_model(loaded.kind, loaded.words, explained, fetched.target, (*loaded.notes, *remarks))


def require_readable(loaded: LoadedModel, fetched: ComputeInput) -> None:
    """Refuse rows the model cannot read, with the column and the row, before any work is done.

    Raises:
        DataError: a row holds a value the model cannot read.
    """
    for rows, source in ((loaded.rows, fetched.rows_source), (loaded.background, "the background data")):
        try:
            loaded.parts.to_matrix(rows)
        except ValueError as error:
            msg = f"{source}: {error}; correct it, or give other rows"
            raise DataError(msg) from error


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)  # bytes on macOS, KiB elsewhere
