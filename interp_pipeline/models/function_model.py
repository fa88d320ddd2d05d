"""A function of a table: whatever stands behind it, it is asked about whole raw rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.models.black_box import black_box
from interp_pipeline.models.chosen_output import choose_entry
from interp_pipeline.models.raw_table import RawTable
from interp_pipeline.models.read_outputs import read_outputs
from interp_pipeline.models.verify import require_match

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.models.adapted import AdaptedModel
    from interp_pipeline.models.outputs import Wanted

__all__ = ["adapt_function"]

_NOTE = "The model is a function that is asked about whole rows of the table."


def adapt_function(
    native: Callable[[pd.DataFrame], Any],
    feature_names: tuple[str, ...],
    rows: pd.DataFrame,
    background: pd.DataFrame,
    wanted: Wanted,
) -> AdaptedModel:
    """Adapt a function of a table.

    Args:
        native: DataFrame to array, DataFrame or Series with one entry per row.
        feature_names: raw columns, in the order the function is given them.
        rows: rows to explain.
        background: background data.
        wanted: what of the model is to be explained.

    Raises:
        ModelError: its answers cannot be read, or are not a fixed function of the rows.
        UsageError: what is wanted does not fit its answers, or one of several outputs has to be chosen.
    """
    table = RawTable(feature_names, rows, background)
    matrix = np.concatenate([table.to_matrix(rows), table.to_matrix(background)])
    sample = native(table.to_frame(matrix))
    output = choose_entry(sample, wanted)
    if output.key is not None:
        wanted = replace(wanted, target=wanted.target or output.name, output_name=None)
    reading = read_outputs(output.of(sample), wanted)
    note = _NOTE if output.key is None else f"{_NOTE} Of its outputs, {output.name} is explained."
    model = black_box(
        table, reading.outputs, lambda each: reading.read(output.of(native(each))), note, of_answer=output.of
    )
    require_match(model, rows, background)
    return model
