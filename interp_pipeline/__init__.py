"""Explain every model version registered in MLflow: SHAP and LIME, checked, as tables, plots and a report.

    >>> import interp_pipeline
    >>> explanation = interp_pipeline.explain("models:/credit/1")     # doctest: +SKIP
    >>> interp_pipeline.plots.importance(explanation)                 # doctest: +SKIP
    >>> interp_pipeline.compare(["models:/credit/1", "models:/credit/2"]).features  # doctest: +SKIP

Importing this package imports no heavy library; the first call does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interp_pipeline import plots
from interp_pipeline.config import CompareConfig, ExplainConfig
from interp_pipeline.errors import InterpError, UsageError
from interp_pipeline.explanation import Explanation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from interp_pipeline.comparison import Comparison

__all__ = ["Explanation", "InterpError", "compare", "explain", "load", "plots"]


def explain(
    model_uri: str,
    *,
    data: str | pd.DataFrame | None = None,
    rows: int = 200,
    methods: str | Sequence[str] = "auto",
    max_seconds: float | None = None,
    max_error: float | None = None,
    publish: bool = False,
) -> Explanation:
    """Explain one registered model version.

    Args:
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        data: rows to explain: path, URI or frame; None takes what training logged.
        rows: how many rows at most.
        methods: ``"auto"``, ``"shap"``, ``"lime"`` or a list of explainer names.
        max_seconds: stop sampling after this time.
        max_error: sample until the mean standard error is this share of the mean absolute value.
        publish: also write tables, plots and report to the version's run.

    Returns:
        The SHAP explanation; LIME's where ``methods`` asks for nothing else. With ``"auto"``
        LIME is computed only when publishing, for it is not returned.

    Raises:
        UsageError: no such version, data or method.
        ModelError: the version cannot be explained, or the explanation failed its checks.
        TrackingError: the tracking server or a storage does not answer.
    """
    from interp_pipeline.steps.explain import explain as explain_step

    wanted = (methods,) if isinstance(methods, str) else tuple(methods)
    if wanted == ("auto",) and not publish:
        wanted = ("shap",)
    config = ExplainConfig(rows=rows, methods=wanted, max_seconds=max_seconds, max_error=max_error)
    result = explain_step(model_uri, config, data=data, publishing=publish)
    explanation = result.shap or result.lime
    if explanation is None:
        msg = f"{model_uri} was not explained"
        raise AssertionError(msg)
    return explanation


def load(model_uri: str, *, method: str = "shap") -> Explanation:
    """Read the published explanation of a version.

    Args:
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        method: ``"shap"`` or ``"lime"``.

    Raises:
        UsageError: no such version, or it has no such explanation.
        ModelError: the published files are damaged.
        TrackingError: the tracking server or storage does not answer.
    """
    from interp_pipeline.model_ref import ModelRef
    from interp_pipeline.tracking.registry import resolve
    from interp_pipeline.tracking.run_reader import read_published
    from interp_pipeline.tracking.session import connect

    if method not in {"shap", "lime"}:
        msg = f'method must be "shap" or "lime", not {method!r}'
        raise UsageError(msg)
    client = connect()
    version = resolve(client, ModelRef.parse(model_uri))
    published = read_published(client, version)
    explanation = None if published is None else published.shap if method == "shap" else published.lime
    if explanation is None:
        msg = f"{version.uri} has no published {method} explanation; make one: interp explain {version.uri}"
        raise UsageError(msg)
    return explanation


def compare(
    model_uris: Sequence[str],
    *,
    data: str | pd.DataFrame | None = None,
    rows: int = 200,
    publish: bool = False,
) -> Comparison:
    """Compare what drives two or more registered versions, on the same rows.

    Args:
        model_uris: two or more; the first is the reference.
        data: rows to compare on: path, URI or frame; None: those of the first version.
        rows: how many rows at most.
        publish: also write tables, plots and report to a comparison run.

    Raises:
        UsageError: fewer than two versions, or nothing in common to compare.
        ModelError: a version cannot be explained.
        TrackingError: the tracking server or a storage does not answer.
    """
    from interp_pipeline.steps.compare import compare as compare_step

    config = CompareConfig(rows=rows)
    return compare_step(
        model_uris, config, explain_config=ExplainConfig(rows=rows), data=data, publishing=publish
    ).comparison
