"""The parts of the page about a comparison, each from stored numbers."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from interp_pipeline.report.pictures import other_pictures, picture, pictures
from interp_pipeline.report.sentences import comparison as told
from interp_pipeline.report.sentences.quality import metric_label, metric_text, plain_metrics
from interp_pipeline.report.wording import clean, column, effect, level, listed, name, unit_phrase

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.report.content import ComparisonColumn, ComparisonReport
    from interp_pipeline.report.pictures import Picture

__all__ = ["comparison_parts"]

_ROWS_LISTED = 10
_TABLE_ROWS = 200
_GENERAL = ("agreement_matrix", "rank_flow")
_OF_PAIR = ("shift",)
_OF_ROWS = ("disagreement",)
_NUMBERED = re.compile(r"_\d+$")


def comparison_parts(content: ComparisonReport) -> dict[str, Any]:
    """Everything the template shows.

    Args:
        content: see ``ComparisonReport``.

    Returns:
        The template's variables.
    """
    comparison = content.comparison
    labels = [name(label) for label in comparison.labels]
    known = {*_GENERAL, *_OF_PAIR, *_OF_ROWS}
    single = len(comparison.agreement) == 1
    shown = {key for key in content.pictures if _NUMBERED.sub("", key) in known}
    pairs = [_pair(content, number) for number in range(1, len(comparison.agreement) + 1)]
    told_apart = [sentence for pair in pairs for sentence in (pair["brief"] if single else [" ".join(pair["brief"])])]
    quality = told.quality_sentence(
        [(version.label, version.metrics) for version in content.compared], _measured_on(content)
    )
    return {
        "title": f"{listed(labels)}",
        "subject": told.subject_sentence(comparison, content.target, content.data_source),
        "brief": [*told_apart, *([quality] if quality else [])],
        "compared": [{"name": label} for label in labels],
        "overview": _overview(content),
        "missing": told.missing_features_sentences(comparison),
        "notes": [clean(note) for note in content.notes],
        "general_pictures": [one for stem in _GENERAL for one in pictures(content.pictures, stem)],
        "pairs": pairs,
        "several_outputs": len(comparison.outputs) > 1,
        "rules": told.rule_sentences(comparison),
        "further_pictures": other_pictures(content.pictures, shown),
        "libraries": [(clean(library), clean(number)) for library, number in sorted(content.versions.items())],
    }


def _overview(content: ComparisonReport) -> list[dict[str, Any]]:
    rows = [
        {"label": "Model", "cells": [clean(version.model_kind) for version in content.compared]},
        {"label": "Explained with", "cells": [clean(version.method) for version in content.compared]},
    ]
    metrics = [plain_metrics(version.metrics) for version in content.compared]
    keys = list(dict.fromkeys(key for each in metrics for key in each))
    same = _measured_on(content)
    suffix = {"test rows": " (test)", "explained rows": " (explained rows)"}.get(same, "")
    marks = ["" if same else f" on {_rows_of(version)}" for version in content.compared]
    for key in keys:
        cells = [
            f"{metric_text(key, each[key])}{mark}" if key in each else "not known"
            for each, mark in zip(metrics, marks, strict=True)
        ]
        rows.append({"label": f"{metric_label(key)}{suffix}", "cells": cells})
    return rows


def _measured_on(content: ComparisonReport) -> str:
    """Which rows the metrics of the versions are of; empty where these are not the same kind of rows."""
    kinds = {_rows_of(version) for version in content.compared if version.metrics}
    return kinds.pop() if len(kinds) == 1 else ""


def _rows_of(version: ComparisonColumn) -> str:
    return "explained rows" if version.measured_on_explained else "test rows"


def _pair(content: ComparisonReport, number: int) -> dict[str, Any]:
    comparison = content.comparison
    row = comparison.agreement.iloc[number - 1]
    reference, against = comparison.reference, str(row["against"])
    unit = comparison.output_unit
    table = comparison.pair(against)
    per_row = comparison.per_row[comparison.per_row["against"] == against]
    predictions = told.predictions_sentence(row, comparison.n_rows, unit)
    return {
        "title": f"{name(against)} against {name(reference)}",
        "reference": name(reference),
        "against": name(against),
        "brief": [told.verdict_sentence(row, table), predictions],
        "sentences": [
            predictions,
            told.agreement_sentence(row),
            told.shift_sentence(table, reference, against, unit),
            told.flips_sentence(row),
        ],
        "pictures": _pair_pictures(content, _OF_PAIR, number),
        "row_pictures": _pair_pictures(content, _OF_ROWS, number),
        "row_sentence": told.row_sentence(per_row.iloc[0], reference, unit),
        "rows": _disagreeing_rows(per_row, reference, against, unit),
        "features": _feature_rows(table, reference, against, unit),
        "features_note": _features_note(table, unit),
    }


def _pair_pictures(content: ComparisonReport, stems: tuple[str, ...], number: int) -> list[Picture]:
    """A pair's own pictures; those without a number belong to the first."""
    drawn = []
    for stem in stems:
        keys = [stem, f"{stem}_1"] if number == 1 else [f"{stem}_{number}"]
        drawn += [picture(content.pictures, key) for key in keys]
    return [one for one in drawn if one is not None]


def _disagreeing_rows(per_row: pd.DataFrame, reference: str, against: str, unit: str) -> list[dict[str, Any]]:
    differing = per_row[per_row["distance"] > 0].head(_ROWS_LISTED)
    return [
        {
            "id": int(row["row_id"]),
            "distance": effect(float(row["distance"]), unit, signed=False),
            "output": name(str(row["output"])),
            "before": level(float(row[f"prediction_{reference}"]), unit),
            "after": level(float(row[f"prediction_{against}"]), unit),
            "feature": clean(str(row["largest_feature"])),
        }
        for _, row in differing.iterrows()
    ]


def _feature_rows(table: pd.DataFrame, reference: str, against: str, unit: str) -> list[dict[str, Any]]:
    listed_rows = table.head(_TABLE_ROWS)
    before, after = (listed_rows[f"importance_{label}"].tolist() for label in (reference, against))
    largest = max([*before, *after], default=0.0)
    columns = {
        "before": column(before, unit, largest),
        "after": column(after, unit, largest),
        "delta": column(listed_rows["delta"].tolist(), unit, largest, signed=True),
        "low": column(listed_rows["ci_low"].tolist(), unit, largest, signed=True),
        "high": column(listed_rows["ci_high"].tolist(), unit, largest, signed=True),
    }
    rows = []
    for i, (_, row) in enumerate(listed_rows.iterrows()):
        ranks = int(row[f"rank_{reference}"]), int(row[f"rank_{against}"])
        known = not math.isnan(row["ci_low"])
        rows.append(
            {
                "name": clean(str(row["feature"])),
                "ranks": str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]} → {ranks[1]}",
                "before": columns["before"][i],
                "after": columns["after"][i],
                "delta": columns["delta"][i],
                "interval": f"{columns['low'][i]} to {columns['high'][i]}" if known else "",
                "significant": bool(row["significant"]),
            }
        )
    return rows


def _features_note(table: pd.DataFrame, unit: str) -> str:
    note = "Average size of effect in each version, and its change"
    note += f", in {unit_phrase(unit)}."
    if len(table) <= _TABLE_ROWS:
        return note
    return f"{note} The {_TABLE_ROWS} most important ones of the reference are listed; all are in features.json."
