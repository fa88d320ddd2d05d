"""The parts of the page about a single explained row: what the model says of it, and why; nothing is an average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.report.decisions import all_pushes, compute_decision
from interp_pipeline.report.explanation_page import decision_part, explanation_parts
from interp_pipeline.report.sentences import decisions as told
from interp_pipeline.report.wording import bar_width, clean, column, output_phrase, unit_phrase

if TYPE_CHECKING:
    from interp_pipeline.report.content import ExplanationReport
    from interp_pipeline.report.decisions import Decision

__all__ = ["one_row_parts"]

_TABLE_ROWS = 200  # longer tables end with a note


def one_row_parts(content: ExplanationReport) -> dict[str, Any]:
    """Everything the template of one row shows: that of the whole page, and the row in place of its averages.

    Args:
        content: see ``ExplanationReport``; its explanations are of one row.

    Returns:
        The template's variables.
    """
    parts = explanation_parts(content)
    (row,) = content.shap.row_ids
    decision = compute_decision(content.shap, content.lime, row, content.actual.get(row))
    return {
        **parts,
        "title": f"{parts['title']}: row {row}",
        "subtitle": f"What it predicts for this row, and why: {clean(content.model_kind)}",
        "brief": [
            parts["purpose"],
            f"{told.opening_sentence(decision)} {told.start_sentence(decision)}",
            told.pushes_sentence(decision),
            parts["trust"],
        ],
        "decision": decision_part(content, row),
        "features": _feature_rows(content, decision),
        "table_note": _table_note(content, decision),
        "has_lime": content.lime is not None,
    }


def _feature_rows(content: ExplanationReport, decision: Decision) -> list[dict[str, Any]]:
    pushes = all_pushes(content.shap, content.lime, decision.row_id)
    largest = max((abs(push.effect) for push in pushes), default=0.0)
    pushes = pushes[:_TABLE_ROWS]
    effects = column([push.effect for push in pushes], decision.unit, largest, signed=True)
    weights = column([push.lime or 0.0 for push in pushes], decision.unit, largest, signed=True)
    return [
        {
            "rank": rank,
            "name": clean(push.feature),
            "value": push.value,
            "width": bar_width(push.effect, largest),
            "effect": effect,
            "lime": weight,
        }
        for rank, (push, effect, weight) in enumerate(zip(pushes, effects, weights, strict=True), start=1)
    ]


def _table_note(content: ExplanationReport, decision: Decision) -> str:
    note = (
        f"In {unit_phrase(decision.unit)}: how far the row's value of each feature pushes "
        f"{output_phrase(decision.output, decision.unit)} up or down."
    )
    if len(content.shap.feature_names) > _TABLE_ROWS:
        note += f" The {_TABLE_ROWS} strongest ones are listed; all are in local/row_{decision.row_id}.json."
    return note
