"""First third of explaining: with credentials, bring everything the computation needs to this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.data.background import select_background, select_rows
from interp_pipeline.data.sources import read_table, source_digest
from interp_pipeline.data.typed_rows import TypedRows
from interp_pipeline.errors import DataError, UsageError
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.steps.row_remarks import rows_remarks
from interp_pipeline.tracking.manifest import explanation_key
from interp_pipeline.tracking.model_loader import fetch_model
from interp_pipeline.tracking.registry import resolve
from interp_pipeline.tracking.training_run import read_training_record

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from mlflow import MlflowClient

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.schema import Schema
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.registry import RegisteredVersion
    from interp_pipeline.tracking.training_run import TrainingRecord

__all__ = ["Fetched", "fetch"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fetched:
    """What the computation needs; nothing in it is a credential."""

    version: RegisteredVersion
    record: TrainingRecord
    model_path: Path  # folder with the MLmodel file
    rows: pd.DataFrame  # raw features of the rows to explain, index: row ids
    rows_source: str  # where they came from, in words
    rows_are_logged: bool  # they are the test rows of training, whose outcomes are known
    background: pd.DataFrame  # raw features, same columns
    key: str  # identity of the explanation to be made
    remarks: tuple[str, ...] = ()  # what a reader should know about the rows, a sentence each


def fetch(
    client: MlflowClient,
    model_uri: str,
    config: ExplainConfig,
    folder: Path,
    *,
    data: str | pd.DataFrame | None,
    rows_source: str | None = None,
    background: pd.DataFrame | None = None,
    progress: Progress,
) -> Fetched:
    """Download a version's files, background data and rows to explain.

    Args:
        client: the connection.
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        config: how many rows, and the seed they are drawn with where there are more.
        folder: where to put files; must outlive the result.
        data: rows to explain: path, URI or frame; None takes the test rows that training logged.
        rows_source: where ``data`` comes from, in words; None: its path, or "the given frame".
        background: background data; None takes what training logged. Versions that are compared
            must be explained against the same.
        progress: listens.

    Raises:
        UsageError: no such version, or ``data`` cannot be used or lacks a column.
        ModelError: the version's run, model files or background data are gone.
        TrackingError: the server or a storage does not answer.
    """
    with progress.track(f"Fetching {model_uri}", 3) as advance:
        version = resolve(client, ModelRef.parse(model_uri))
        advance(1)
        model_path = fetch_model(version, folder)
        advance(1)
        record = read_training_record(client, version.run_id, version.uri)
        advance(1)
    rows, source = _rows(record, data)
    source = rows_source or source
    names = list(record.schema.feature_names)
    _require_columns(rows, names, source, version.uri)
    if data is not None:
        _require_readable(rows, record.schema, source)
    rows = select_rows(rows[names], config.rows, config.seed)
    if len(rows) < config.rows:
        progress.say(f"{source} holds {len(rows)} rows; all of them are explained")
    if background is None:
        background = select_background(record.background, config.background_rows, config.seed)
    return Fetched(
        version=version,
        record=record,
        model_path=model_path,
        rows=rows,
        rows_source=source,
        rows_are_logged=data is None,
        background=background[names],
        remarks=() if data is None else rows_remarks(rows, record.schema, source),
        key=explanation_key(client.tracking_uri, version, config, source_digest(rows), source_digest(background)),
    )


def _rows(record: TrainingRecord, data: str | pd.DataFrame | None) -> tuple[pd.DataFrame, str]:
    if data is None:
        return record.rows, "the test split logged at training"
    if isinstance(data, str):
        return read_table(data), data
    if data.empty:
        msg = "the frame of rows to explain is empty"
        raise UsageError(msg)
    return _numbered(data), "the given frame"


def _numbered(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows under whole numbers, by which tables know them: the caller's own where they are distinct such."""
    from pandas.api.types import is_integer_dtype

    return rows if is_integer_dtype(rows.index.dtype) and rows.index.is_unique else rows.reset_index(drop=True)


def _require_columns(rows: pd.DataFrame, names: list[str], source: str, uri: str) -> None:
    lacking = [name for name in names if name not in rows.columns]
    if lacking:
        msg = f"{source} lacks {_some(lacking)}, which {uri} was trained on; add the column, or give other rows"
        raise UsageError(msg)


def _require_readable(rows: pd.DataFrame, schema: Schema, source: str) -> None:
    """Refuse a value that does not fit its column, in any row.

    A single text turns all numbers of its column into texts, so the rows that are drawn need not hold it.
    """
    try:
        TypedRows(schema.to_dict()["features"]).to_matrix(rows)
    except ValueError as error:
        msg = f"{source}: {error}; correct it, or give other rows"
        raise DataError(msg) from error


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    more = len(names) - 5
    return f"column{'s' if len(names) > 1 else ''} {shown}" + (f" and {more} more" if more > 0 else "")
