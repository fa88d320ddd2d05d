"""A table from anywhere as a typed and split data set, with a report of all that was decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.addresses import without_secrets
from interp_pipeline.data.inference import check_columns, schema_of
from interp_pipeline.data.seen_categories import with_seen_categories
from interp_pipeline.data.sources import read_table
from interp_pipeline.data.split import split
from interp_pipeline.data.target import encode_target, infer_target
from interp_pipeline.data.typed_rows import is_missing
from interp_pipeline.errors import DataError
from interp_pipeline.plain_text import shown
from interp_pipeline.readable import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.data.schema import Feature, Schema

__all__ = ["DataReport", "Dataset", "load_dataset", "missing_values"]


@dataclass(frozen=True, kw_only=True)
class DataReport:
    """What happened to the data on its way to the model, for a reader."""

    n_rows: int  # rows used, without the dropped ones
    n_dropped: int  # rows left out because their target is missing
    lines: tuple[str, ...]  # plain sentences, one fact each


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A data set ready for training.

    Attributes:
        train: training rows, all columns of the source; the index holds row numbers of the source,
            counted from 0.
        test: test rows, likewise.
        schema: how each column is read.
        source: where the data came from, without passwords or signatures.
        report: what was decided on the way.
    """

    train: pd.DataFrame
    test: pd.DataFrame
    schema: Schema
    source: str
    report: DataReport

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The input columns of rows of this data set, in the schema's order."""
        return frame[list(self.schema.feature_names)]

    def target(self, frame: pd.DataFrame) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        """The target of rows of this data set: class codes or numbers, shape (n_rows,)."""
        return encode_target(frame[self.schema.target], self.schema)


def load_dataset(source: str, config: TrainConfig) -> Dataset:
    """Read, type and split a data set.

    Args:
        source: whatever ``read_table`` takes.
        config: target, task, positive class, share of test rows and seed.

    Raises:
        DataError: the data cannot be used as it is.
        UsageError: the source, target, task or positive class does not exist.
        TrackingError: the storage did not answer.
    """
    frame = read_table(source)
    check_columns(frame, config.target)
    dropped = is_missing(frame[config.target])
    n_dropped = int(dropped.sum())
    if len(frame) - n_dropped == 1:
        msg = f"{without_secrets(source)} has a single row with a target: a model needs more, add rows"
        raise DataError(msg)
    rule = infer_target(frame[config.target], config)
    labelled = frame[~dropped] if n_dropped else frame
    schema = schema_of(labelled, config, rule)
    train, test = split(labelled, schema, config)
    schema = with_seen_categories(schema, train)
    lines = [_summary(schema.features, len(labelled), len(train), len(test)), rule.reason]
    if n_dropped:
        were = "was" if n_dropped == 1 else "were"
        missing = f"target {shown(config.target)} is missing"
        lines.append(f"{n_dropped:,} of {count(len(frame), 'row')} {were} left out: their {missing}.")
    lines += _feature_lines(schema.features)
    report = DataReport(n_rows=len(labelled), n_dropped=n_dropped, lines=tuple(lines))
    return Dataset(train=train, test=test, schema=schema, source=without_secrets(source), report=report)


def _summary(features: tuple[Feature, ...], n_rows: int, n_train: int, n_test: int) -> str:
    kinds = Counter(feature.kind for feature in features)
    parts = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items())
    rows = f"{count(n_rows, 'row')} ({n_train:,} to train, {n_test:,} to test)"
    return f"{rows} with {count(len(features), 'feature')}: {parts}."


def _feature_lines(features: tuple[Feature, ...]) -> list[str]:
    lines = [f"{shown(feature.name)}: {feature.note}." for feature in features if feature.note]
    missing = missing_values(features)
    return [*lines, missing] if missing else lines


def missing_values(features: Sequence[Feature]) -> str:
    """In which of the used columns values were missing, and how many; empty: in none."""
    gaps = [feature for feature in features if feature.n_missing and feature.kind != "unused"]
    counts = ", ".join(f"{shown(feature.name)} {feature.n_missing:,}" for feature in gaps)
    return f"Missing values: {counts}." if gaps else ""
