"""A schema's categories, limited to those that training rows hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.data.typed_rows import OTHER, TypedRows
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.data.schema import Feature, Schema
    from interp_pipeline.explanation import FloatArray

__all__ = ["with_seen_categories"]

_NAMED = 3  # values in a note


def with_seen_categories(schema: Schema, train: pd.DataFrame) -> Schema:
    """Leave out the categories no training row has: a model learns nothing about them, so they are unseen to it.

    Args:
        schema: of the whole table, before it was divided.
        train: training rows, shape (n_rows, n_columns).

    Returns:
        The schema with a note at each feature that lost some. Where every category occurs it is the same.
    """
    matrix = TypedRows(schema.to_dict()["features"]).to_matrix(train)
    features = tuple(_seen(feature, matrix[:, i]) for i, feature in enumerate(schema.features))
    return replace(schema, features=features)


def _seen(feature: Feature, codes: FloatArray) -> Feature:
    if feature.kind != "category":
        return feature
    present = set(np.unique(codes[~np.isnan(codes)]).astype(int).tolist())
    kept = tuple(name for code, name in enumerate(feature.categories) if code in present)
    lost = [name for name in feature.categories if name not in kept]
    if not lost:
        return feature
    if not kept:
        note = "no training row has a value; not used"
        return replace(feature, kind="unused", categories=(), note="; ".join(filter(None, [feature.note, note])))
    values = ", ".join([*map(shown, lost[:_NAMED]), *([f"{len(lost) - _NAMED} more"] if len(lost) > _NAMED else [])])
    one = len(lost) == 1 and lost != [OTHER]
    what = "the rarer values occur" if lost == [OTHER] else f"{values} {'occurs' if one else 'occur'}"
    note = f"{what} in no training row, so the model knows nothing about {'it' if one else 'them'}"
    return replace(feature, categories=kept, note="; ".join(filter(None, [feature.note, note])))
