"""The categories boosters were trained with, and the numbers their trees know them by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interp_pipeline.explanation import FloatArray

__all__ = ["CategoryColumns"]


@dataclass(frozen=True, kw_only=True)
class CategoryColumns:
    """Columns a booster reads as categories, and their values by code."""

    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    unseen_is_missing: bool = False  # what the library makes of a value it was not trained with; else it refuses

    def typed(self, rows: pd.DataFrame, *, all_columns: bool = True) -> pd.DataFrame:
        """Rows whose columns have the type, and so the codes, the booster was trained with.

        Args:
            rows: raw rows, categories as such or as plain values.
            all_columns: also columns that are categories already, perhaps others or in another order.

        Raises:
            DataError: a value the booster was not trained with, and would refuse.
        """
        changed = {}
        for name, values in self.values.items():
            column = rows[name]
            if isinstance(column.dtype, pd.CategoricalDtype):
                if not all_columns:
                    continue
                # Not by astype: to pandas two types with the same categories in another order are equal.
                read = column.cat.set_categories(list(values), ordered=False)
            else:
                read = column.where(column.isin(list(values))).astype(pd.CategoricalDtype(list(values)))
            unseen = np.flatnonzero((read.isna() & column.notna()).to_numpy())
            if len(unseen) and not self.unseen_is_missing:
                first = unseen[0]
                msg = (
                    f"column {shown(name)}, row {column.index[first]}: {shown(column.iloc[first])} is not among the "
                    "categories the model was trained with; give other rows"
                )
                raise DataError(msg)
            changed[name] = read
        if not changed:
            return rows
        # Not by assign, which a column may not be called "self" for.
        return pd.DataFrame({name: changed.get(name, rows[name]) for name in rows.columns}, index=rows.index)

    def codes(self, rows: pd.DataFrame) -> FloatArray:
        """Typed rows as the trees compare them: codes of categories, missing as NaN, shape of ``rows``."""
        result = np.empty(rows.shape)
        for position, name in enumerate(rows.columns):
            if name in self.values:
                codes = rows[name].cat.codes.to_numpy(dtype=np.float64)
                result[:, position] = np.where(codes < 0, np.nan, codes)
            else:
                result[:, position] = rows[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return result
