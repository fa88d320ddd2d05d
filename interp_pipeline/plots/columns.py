"""A feature's column as something that can be drawn: positions on a number line, or categories."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from interp_pipeline.readable import value_text

if TYPE_CHECKING:
    from interp_pipeline.explanation import FloatArray

__all__ = ["Column", "read_column"]

_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal"}
_DATES = {"datetime64", "datetime", "date"}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One feature, ready to be placed on an axis."""

    kind: Literal["numeric", "date", "category"]
    numbers: FloatArray  # shape (n_rows,); NaN where missing; days since 1970 for dates, codes for categories
    labels: tuple[str, ...] = ()  # of a category, by code

    @property
    def missing(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Where the value is missing (or infinite, which has no place on an axis), shape (n_rows,)."""
        return np.isnan(self.numbers)

    def unit_scale(self) -> FloatArray:
        """The values from 0 (lowest) to 1 (highest) by rank-robust scaling, NaN where missing.

        The outer 5 % on each side share the end colours: one outlier does not turn all other dots
        into one colour.
        """
        known = self.numbers[~self.missing]
        if known.size == 0:
            return self.numbers
        low, high = np.percentile(known, [5, 95])
        if low == high:
            low, high = known.min(), known.max()
        if low == high:
            return np.where(self.missing, np.nan, 0.5)
        return np.asarray(np.clip((self.numbers - low) / (high - low), 0, 1), dtype=np.float64)


def read_column(series: pd.Series) -> Column:
    """Decide how a column is drawn.

    Args:
        series: a raw feature as the user has it, shape (n_rows,).

    Returns:
        ``date`` for times and for text that is ISO 8601 throughout; ``numeric`` for numbers, held
        as objects or not; ``category`` for everything else, booleans included.
    """
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    if inferred in _NUMERIC:
        values = pd.to_numeric(series, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        finite = np.asarray(np.where(np.isfinite(values), values, np.nan), dtype=np.float64)
        return Column(kind="numeric", numbers=finite)
    if inferred in _DATES or (inferred == "string" and _all_iso_dates(series)):
        times = pd.to_datetime(series, utc=True, format="ISO8601" if inferred == "string" else None, errors="coerce")
        if times.notna().sum() == series.notna().sum():  # else some are no days of any calendar: text after all
            days = (times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(days=1)
            return Column(kind="date", numbers=np.asarray(days.to_numpy(na_value=np.nan), dtype=np.float64))
    texts = np.array([value_text(value) for value in series], dtype=object)
    present = series.notna().to_numpy(dtype=bool)
    labels = sorted(set(texts[present]))
    codes = {label: float(code) for code, label in enumerate(labels)}
    numbers = np.array([codes[text] if known else np.nan for text, known in zip(texts, present, strict=True)])
    return Column(kind="category", numbers=numbers.astype(np.float64), labels=tuple(labels))


def _all_iso_dates(series: pd.Series) -> bool:
    known = series.dropna()
    return len(known) > 0 and all(_ISO_DATE.fullmatch(str(value)) for value in known)
