"""Categories in explained rows that a model trained here has not learned: on their rows, and in a sentence."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from interp_pipeline.data.typed_rows import OTHER, is_missing, name_of
from interp_pipeline.report.wording import count, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from interp_pipeline.data.schema import Feature, Schema
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.tracking.runs.training_run import TrainingRecord

__all__ = ["UNSEEN_AS_MISSING", "mark_unseen", "unseen_remarks"]

# Parameter of a training run: how its forest reads a category that training never saw. Forests of earlier releases
# have no such parameter; every split treats it as it treats the last category.
UNSEEN_AS_MISSING = ("unseen_category", "missing")

_UNSEEN = "not seen in training"
_NAMED = 3  # values in a sentence


def mark_unseen(explanation: Explanation, schema: Schema) -> Explanation:
    """The same explanation with a word at each cell whose category the model has not learned.

    Args:
        explanation: of a model trained here.
        schema: how it reads its columns.
    """
    unseen = {}
    for feature in schema.features:
        names = _unlisted(explanation.data[feature.name], feature) if feature.kind == "category" else {}
        if names:
            told = f"read as {quoted(OTHER)}" if _has_other(feature) else _UNSEEN
            unseen[feature.name] = dict.fromkeys(names, told)
    return dataclasses.replace(explanation, unseen=unseen)


def unseen_remarks(rows: pd.DataFrame, record: TrainingRecord) -> tuple[str, ...]:
    """What is said of rows with such categories: a sentence for every feature that has some.

    Args:
        rows: the explained rows, raw features.
        record: what training left.
    """
    remarks = []
    for feature in record.schema.features:
        found = _unlisted(rows[feature.name], feature) if feature.kind == "category" else {}
        if not found:
            continue
        n_rows = sum(found.values())
        # In order of frequency, so that the sentence begins with what most rows hold.
        values = listed([quoted(name) for name in sorted(found, key=lambda name: (-found[name], name))], most=_NAMED)
        holds = f"{quoted(feature.name)} holds {values} in {n_rows:,} of the {count(len(rows), 'explained row')}"
        remarks.append(f"{holds}, which {_treated(feature, record.params)}")
    return tuple(remarks)


def _treated(feature: Feature, params: Mapping[str, str]) -> str:
    """How the model takes such a value, and so what its effect is."""
    if _has_other(feature):
        return f"the model reads as {quoted(OTHER)}, like every rare value: the effect shown is that of all of these."
    never = "training never saw: "
    if params["kind"] == "keras":
        return f"{never}to the network it is none of its values, so the effect shown is that of knowing none."
    name, value = UNSEEN_AS_MISSING
    if params.get(name) == value:
        missing = "like a missing value" if feature.n_missing else "like none: each split follows most training rows"
        return f"{never}the forest takes it {missing}, so the effect shown says nothing about the value itself."
    last = quoted(feature.categories[-1])
    return f"{never}the forest scores it exactly like {last}, so the effect shown is that of {last}. Train it again."


def _has_other(feature: Feature) -> bool:
    return feature.categories[-1:] == (OTHER,)


def _unlisted(column: pd.Series, feature: Feature) -> dict[str, int]:
    """Values that are none of the feature's categories, as text, with the number of their rows."""
    known = set(feature.categories)
    found: dict[str, int] = {}
    for cell, gap in zip(column.to_numpy(dtype=object), is_missing(column), strict=True):
        if not gap and name_of(cell) not in known:
            found[str(cell)] = found.get(str(cell), 0) + 1
    return found
