"""Which rows stand for "the feature is unknown", and which rows are explained.

Both are uniform samples. A SHAP value is a difference between averages over the background rows; a
uniform sample makes each of these averages an unbiased estimate of the average over the whole split,
with an error that falls with the square root of the number of rows. Cluster centres, which are often
taken instead, are rows that nobody has: fractions between categories, averages of outliers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["select_background", "select_rows"]


def select_background(train: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Choose background rows from the training split, which is what the model knows.

    Args:
        train: the training split, with unique row numbers as its index.
        n: number of rows, at least 1; all of them where there are fewer.
        seed: the same seed chooses the same rows, in whatever order ``train`` has them.

    Returns:
        The chosen rows by ascending row number, with all columns of ``train``, the target too: who
        hands them to a model takes the features out.
    """
    return _sample(train, n, seed)


def select_rows(test: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    """Choose the rows to explain from the test split, which the model has not seen.

    Args:
        test: the test split, with unique row numbers as its index.
        n: number of rows, at least 1; all of them where there are fewer.
        seed: the same seed chooses the same rows, in whatever order ``test`` has them.

    Returns:
        The chosen rows by ascending row number, with all columns of ``test``, the target too.
    """
    return _sample(test, n, seed)


def _sample(frame: pd.DataFrame, n: int, seed: int) -> pd.DataFrame:
    by_row_number = np.argsort(frame.index.to_numpy(), kind="stable")
    chosen = np.random.default_rng(seed).choice(len(frame), size=min(n, len(frame)), replace=False)
    return frame.iloc[by_row_number[np.sort(chosen)]]
