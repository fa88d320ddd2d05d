"""A model that is asked about whole raw rows: each feature is one column, its number or its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.models.adapted import AdaptedModel, Cut

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Outputs
    from interp_pipeline.models.raw_table import RawTable

__all__ = ["black_box"]


def black_box(
    table: RawTable,
    outputs: Outputs,
    ask: Callable[[pd.DataFrame], FloatArray],
    note: str,
    used: frozenset[str] | None = None,
    of_answer: Callable[[Any], Any] = lambda answer: answer,
) -> AdaptedModel:
    """A model whose input is the raw matrix itself.

    Args:
        table: turns the matrix back into raw rows.
        outputs: names and unit.
        ask: raw rows to outputs.
        note: why the model is not taken apart.
        used: columns the model reads; None for all.
        of_answer: the explained output's part of a served answer.
    """
    groups = tuple((i,) if used is None or name in used else () for i, name in enumerate(table.feature_names))
    cut = Cut(
        outputs=outputs,
        encode=lambda matrix: matrix,
        forward=lambda matrix: ask(table.to_frame(matrix)),
        ask=ask,
        column_groups=groups,
        note=note,
        of_answer=of_answer,
    )
    return AdaptedModel(table=table, cut=cut)
