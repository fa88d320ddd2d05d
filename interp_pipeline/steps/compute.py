"""Second third of explaining: model and rows in, checked numbers out. Needs no credential and no server."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.checks import require_additivity, run_checks
from interp_pipeline.errors import DataError
from interp_pipeline.explainers.registry import choose_explainers, load_explainer
from interp_pipeline.tracking.model_loader import load_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.protocol import ExplainableModel
    from interp_pipeline.explainers.registry import Choice
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.progress import Progress
    from interp_pipeline.steps.fetch import Fetched

__all__ = ["Computed", "compute"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Computed:
    """The explanations of one version on the same rows, and how they did in the checks."""

    shap: Explanation | None
    lime: Explanation | None
    choices: tuple[Choice, ...]  # which methods, and why each
    checks: Mapping[str, float]
    timings_s: Mapping[str, float]  # by stage
    peak_memory_mb: float  # of this process so far


def compute(fetched: Fetched, config: ExplainConfig, progress: Progress) -> Computed:
    """Load the model, explain the rows by each chosen method, check the result.

    Args:
        fetched: model files, rows, background.
        config: methods and accuracy.
        progress: listens.

    Raises:
        ModelError: the model cannot be loaded or explained.
        CheckError: base value and attributions do not add up to the model's output.
        UsageError: a method was asked for that does not exist, or a row holds a value the model cannot read.
    """
    started = time.perf_counter()
    with progress.track("Loading the model", 1) as advance:
        loaded = load_model(fetched.model_path, fetched.version.uri)
        advance(1)
    _require_readable(loaded.parts, fetched)
    timings = {"load": time.perf_counter() - started}
    choices = choose_explainers(loaded.parts, config)
    shap: Explanation | None = None
    lime: Explanation | None = None
    for choice in choices:
        started = time.perf_counter()
        with progress.track(f"Explaining {len(fetched.rows)} rows with {choice.name}", len(fetched.rows)) as advance:
            result = load_explainer(choice.name).explain(
                loaded.parts, fetched.rows, fetched.background, config, advance
            )
        timings[choice.name] = time.perf_counter() - started
        if result.local_r2 is None:
            require_additivity(result, config.additivity_tolerance)
            shap = shap or result
        else:
            lime = result
    started = time.perf_counter()
    checks = run_checks(
        shap=shap,
        lime=lime,
        served_predictions=loaded.predict(fetched.rows),
        background_predictions=loaded.predict(fetched.background),
    )
    timings["check"] = time.perf_counter() - started
    return Computed(
        shap=shap, lime=lime, choices=choices, checks=checks, timings_s=timings, peak_memory_mb=_peak_memory_mb()
    )


def _require_readable(model: ExplainableModel, fetched: Fetched) -> None:
    """Refuse rows the model cannot read, with the column and the row, before any work is done."""
    for rows, source in ((fetched.rows, fetched.rows_source), (fetched.background, "the background data")):
        try:
            model.to_matrix(rows)
        except ValueError as error:
            msg = f"{source}: {error}; correct it, or give other rows"
            raise DataError(msg) from error


def _peak_memory_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)  # bytes on macOS, KiB elsewhere
