"""The parts of the page about one explained model version, each from stored numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.report.decisions import compute_decision
from interp_pipeline.report.drivers import compute_drivers
from interp_pipeline.report.pictures import other_pictures, picture, pictures
from interp_pipeline.report.reliability import compute_reliability
from interp_pipeline.report.sentences import decisions as told
from interp_pipeline.report.sentences import drivers as driving
from interp_pipeline.report.sentences import interactions as together
from interp_pipeline.report.sentences import purpose, quality, trust
from interp_pipeline.report.wording import (
    bar_width,
    clean,
    column,
    effect,
    errors_column,
    gap,
    name,
    quoted,
    unit_phrase,
)

if TYPE_CHECKING:
    from interp_pipeline.report.content import ExplanationReport
    from interp_pipeline.report.decisions import Decision, Push
    from interp_pipeline.report.pictures import Picture

__all__ = ["decision_part", "explanation_parts"]

_DRIVERS = 5
_HEADLINE = {
    "accuracy": "of answers right",
    "baseline_accuracy": "by always giving the most frequent answer",
    "roc_auc": "of pairs ranked rightly (ROC AUC)",
    "mae": "average error",
    "rmse": "root mean squared error",
    "baseline_rmse": "the same when always predicting the average",
}
_TABLE_ROWS = 200  # longer tables end with a note
_MARKS = {"good": "Holds", "fair": "With care", "poor": "Weak"}
_QUALITY_PICTURES = ("confusion_matrix", "residuals")
_DRIVER_PICTURES = ("importance", "beeswarm", "dependence", "heatmap")
_INTERACTION_PICTURES = ("interactions",)


def explanation_parts(content: ExplanationReport) -> dict[str, Any]:
    """Everything the template shows, as plain text, numbers as text, and embedded pictures.

    Args:
        content: see ``ExplanationReport``.

    Returns:
        The template's variables.
    """
    drivers = compute_drivers(content.shap, _DRIVERS)
    reliability = compute_reliability(content.shap, content.checks)
    findings = trust.findings(reliability)
    unit = content.shap.output_unit
    sentences = quality.quality_sentences(
        content.metrics,
        content.task,
        content.target,
        content.shap.positive_class,
        content.n_test,
        of_explained_rows=content.measured_on_explained,
    )
    predicts = purpose.purpose_sentence(
        content.model_kind, content.task, content.target, content.shap.output_names, content.shap.positive_class, unit
    )
    leading = driving.leading_sentence(drivers[:3], len(content.shap.feature_names))
    return {
        "title": f"{name(content.model_name)} version {clean(content.version)}",
        "subtitle": f"What it predicts, how well, and why: {clean(content.model_kind)}{_purpose(content.target)}",
        "brief": [
            predicts,
            " ".join(sentences[:3]),
            leading,
            trust.verdict_sentence(findings),
        ],
        "purpose": predicts,
        "data": purpose.data_sentence(content),
        "notes": [clean(note) for note in content.notes],
        "quality": [" ".join(part) for part in (sentences[:3], sentences[3:]) if part],
        "headline": _headline(content),
        "quality_pictures": _stems(content, _QUALITY_PICTURES),
        "leading": driving.leading_sentence(drivers, len(content.shap.feature_names)),
        "subject": purpose.subject_sentence(content),
        "base": purpose.base_sentence(content.shap),
        "drivers": [
            {
                "name": clean(driver.feature),
                "sentence": driving.driver_sentence(driver, unit),
                "weight": driving.weight_sentence(driver, unit),
            }
            for driver in drivers
        ],
        "driver_pictures": _stems(content, _DRIVER_PICTURES),
        "interactions": _interactions(content),
        "decisions": [decision_part(content, row) for row in content.instances],
        "trust": trust.verdict_sentence(findings),
        "findings": [
            {"verdict": f.verdict, "mark": _MARKS[f.verdict], "title": f.title, "text": f.text} for f in findings
        ],
        "caveats": trust.caveats(reliability, content.n_background),
        **_appendix(content),
    }


def _purpose(target: str | None) -> str:
    return "" if target is None else f" for {quoted(target)}"


def _headline(content: ExplanationReport) -> list[dict[str, str]]:
    metrics = quality.plain_metrics(content.metrics)
    return [
        {"text": quality.metric_text(key, metrics[key]), "label": label}
        for key, label in _HEADLINE.items()
        if key in metrics
    ]


def _stems(content: ExplanationReport, stems: tuple[str, ...]) -> list[Picture]:
    return [one for stem in stems for one in pictures(content.pictures, stem)]


def _interactions(content: ExplanationReport) -> dict[str, Any] | None:
    """What pairs of features do together, or why that was not looked at; None where nothing says it."""
    if content.interactions is None:
        why = clean(content.interactions_why)
        return {"leading": why, "pairs": [], "pictures": []} if why else None
    return {
        "leading": together.leading_sentence(content.interactions),
        "pairs": together.pair_sentences(content.interactions),
        "pictures": _stems(content, _INTERACTION_PICTURES),
    }


def decision_part(content: ExplanationReport, row: int) -> dict[str, Any]:
    """One row taken apart, as the template's card shows it."""
    decision = compute_decision(content.shap, content.lime, row, content.actual.get(row))
    drawn = (picture(content.pictures, f"{stem}_{row}") for stem in ("waterfall", "lime"))
    return {
        "title": f"Row {decision.row_id}",
        "opening": told.opening_sentence(decision),
        "start": told.start_sentence(decision),
        "sides": [
            {"title": "Strongest pushes up", "pushes": [_push(push, decision) for push in decision.up]},
            {"title": "Strongest pushes down", "pushes": [_push(push, decision) for push in decision.down]},
        ],
        "rest": told.rest_sentence(decision),
        "lime": told.lime_sentence(decision),
        "pictures": [one for one in drawn if one is not None],
    }


def _push(push: Push, decision: Decision) -> dict[str, str]:
    return {"name": clean(push.feature), "value": push.value, "effect": effect(push.effect, decision.unit)}


def _appendix(content: ExplanationReport) -> dict[str, Any]:
    metrics = quality.plain_metrics(content.metrics)
    shown = {f"{stem}_{row}" for stem in ("waterfall", "lime") for row in content.instances}
    stems = (*_QUALITY_PICTURES, *_DRIVER_PICTURES, *_INTERACTION_PICTURES)
    shown |= {key for key in content.pictures if key in stems or key.rstrip("0123456789").rstrip("_") in stems}
    return {
        "table_note": _table_note(content),
        "metrics_title": "Results on the explained rows" if content.measured_on_explained else "All test results",
        "has_average": _has_average(content),
        "has_lime": _has_lime(content),
        "features": _feature_rows(content),
        "metric_rows": [
            {
                "label": quality.metric_label(key),
                "text": quality.metric_text(key, figure),
                "meaning": quality.metric_meaning(key),
            }
            for key, figure in metrics.items()
        ],
        "methods": [{"name": clean(method), "reason": clean(reason)} for method, reason in content.methods.items()],
        "checks": [
            {"name": clean(key), "text": gap(figure), "meaning": trust.check_meaning(key)}
            for key, figure in sorted(content.checks.items())
        ],
        "further_pictures": other_pictures(content.pictures, shown),
        "libraries": [(clean(library), clean(number)) for library, number in sorted(content.versions.items())],
    }


def _table_note(content: ExplanationReport) -> str:
    note = (
        f"In {unit_phrase(content.shap.output_unit)}. The size of an effect counts pushes up and down alike, "
        "with its standard error (±)" + ("; in the average effect they cancel out." if _has_average(content) else ".")
    )
    if len(content.importance) > _TABLE_ROWS:
        note += f" The {_TABLE_ROWS} most important ones are listed; all are in global_importance.json."
    return note


def _feature_rows(content: ExplanationReport) -> list[dict[str, Any]]:
    table = content.importance.head(_TABLE_ROWS)
    unit = content.shap.output_unit
    sizes = table["mean_abs_shap"].astype(float).tolist()
    largest = max(sizes, default=0.0)
    errors = errors_column(table["std_error"].astype(float).tolist(), unit, largest)
    averages = table["mean_shap"].astype(float).tolist() if _has_average(content) else [0.0] * len(table)
    means = column(averages, unit, largest, signed=True)
    weights = table["lime_mean_abs_weight"].astype(float).tolist() if _has_lime(content) else [0.0] * len(table)
    cells = zip(column(sizes, unit, largest), errors, means, column(weights, unit, largest), strict=True)
    return [
        {
            "rank": int(rank),
            "name": clean(str(feature)),
            "width": bar_width(size, largest),
            "size": f"{text} ± {error}",
            "mean": mean,
            "lime": weight,
        }
        for rank, feature, size, (text, error, mean, weight) in zip(
            table["rank"], table["feature"], sizes, cells, strict=True
        )
    ]


def _has_average(content: ExplanationReport) -> bool:
    """Whether effects have one average: over several classes pushes up and down have no common direction."""
    return len(content.shap.summary_outputs) == 1


def _has_lime(content: ExplanationReport) -> bool:
    return content.lime is not None and "lime_mean_abs_weight" in content.importance
