"""Which rows a model learns from and which it is judged by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from interp_pipeline.data.target import encode_target
from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.schema import Schema

__all__ = ["split"]


def split(frame: pd.DataFrame, schema: Schema, config: TrainConfig) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split rows at random, with every class in the same proportion on both sides.

    This is scikit-learn's ``train_test_split`` with the same order of rows, so that a user gets the
    same split from a line of their own. Deterministic for ``config.seed``.

    Args:
        frame: rows with features and target; the index holds row numbers and is kept.
        schema: names the target and the task; a regression is split without proportions.
        config: ``test_fraction`` and ``seed``.

    Returns:
        Training rows and test rows.

    Raises:
        DataError: there are too few rows for two splits.
    """
    n_rows, n_classes = len(frame), max(len(schema.classes), 1)
    n_test = math.ceil(n_rows * config.test_fraction)
    if n_test < n_classes or n_rows - n_test < n_classes:
        needed = "every class" if schema.classes else "a row"
        msg = (
            f"{n_rows} {'row is' if n_rows == 1 else 'rows are'} too few: {n_test} for the test split and "
            f"{n_rows - n_test} for the training split do not give each {needed} of target {shown(schema.target)}; "
            f"add rows{' or change test_fraction' if n_rows > 2 * n_classes else ''}"
        )
        raise DataError(msg)
    from sklearn.model_selection import train_test_split

    labels = encode_target(frame[schema.target], schema) if schema.classes else None
    train, test = train_test_split(frame, test_size=n_test, random_state=config.seed, stratify=labels)
    return train, test
