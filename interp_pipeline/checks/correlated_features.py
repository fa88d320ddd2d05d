"""Do features go together, so that how effect is shared out between them is partly arbitrary?"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TOGETHER", "correlated_features"]

TOGETHER = 0.7  # |Spearman's correlation| from which on two features go together
_FEWEST_ROWS = 3  # of which a correlation says anything
_FEWEST_VALUES = 3  # of two a rank says little


def correlated_features(numbers: pd.DataFrame) -> tuple[tuple[str, str, float], ...] | None:
    """Pairs of numeric features that go together, by Spearman's correlation, the strongest first.

    Args:
        numbers: the explained rows' values of numeric features, shape (n_rows, n_features); NaN where missing.

    Returns:
        Names and correlation; None where there are too few rows to tell.
    """
    if len(numbers) < _FEWEST_ROWS:
        return None
    varied = numbers.loc[:, numbers.nunique() >= _FEWEST_VALUES]
    found = varied.corr(method="spearman").to_numpy()
    pairs = [
        (str(varied.columns[i]), str(varied.columns[j]), float(found[i, j]))
        for i, j in combinations(range(varied.shape[1]), 2)
        if abs(found[i, j]) >= TOGETHER
    ]
    return tuple(sorted(pairs, key=lambda pair: -abs(pair[2])))
