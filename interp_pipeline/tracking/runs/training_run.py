"""The run a model is trained in: everything an explanation needs is there before registration."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from interp_pipeline.data.schema import Schema
from interp_pipeline.data.table_size import require_size, unpacked_bytes
from interp_pipeline.errors import ModelError
from interp_pipeline.tables import to_parquet_bytes
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.bounded_parsing import parse_json
from interp_pipeline.tracking.runs.artifacts import read_folder, write_files
from interp_pipeline.tracking.runs.run_writer import METRICS_PER_CALL
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow import MlflowClient

    from interp_pipeline.data.dataset import Dataset
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = [
    "TrainingRecord",
    "log_curves",
    "log_dataset",
    "log_parameters",
    "read_logged_tables",
    "read_training_record",
    "write_training_files",
]

_PARAMETER_LENGTH = 6000  # MLflow's limit


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRecord:
    """What training left in its run for those who explain the model."""

    schema: Schema
    background: pd.DataFrame  # raw features, index: row numbers of the source
    rows: pd.DataFrame  # rows of the test split, raw features and target, index likewise
    metrics: Mapping[str, float]  # of the run, all of them
    params: Mapping[str, str]
    pictures: Mapping[str, bytes]  # PNG by name: confusion_matrix or residuals, epochs


def log_dataset(client: MlflowClient, run_id: str, dataset: Dataset) -> None:
    """Log the training and test rows as dataset inputs of a run."""
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.entities import DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    with translated("logging the data set"), warnings.catch_warnings():
        # Whole numbers stay whole in the data set's schema: that is what the file holds.
        warnings.filterwarnings("ignore", message="(?s).*integer column.*")
        for context, frame in (("train", dataset.train), ("test", dataset.test)):
            name = f"{dataset.source.rstrip('/').rsplit('/', 1)[-1]}"
            logged = from_pandas(frame, targets=dataset.schema.target, name=name[:500])
            tags = {MLFLOW_DATASET_CONTEXT: context, "interp.source": dataset.source[:5000]}
            entity = logged._to_mlflow_entity()  # noqa: SLF001 - as mlflow.log_input does, which knows no client
            entry = DatasetInput(entity, [InputTag(*tag) for tag in tags.items()])
            client.log_inputs(run_id, [entry])


def log_parameters(client: MlflowClient, run_id: str, values: Mapping[str, Any]) -> None:
    """Log parameters, except those the run has: ``mlflow run`` logs an entry point's own, as text."""
    from mlflow.entities import Param

    with translated(f"logging parameters of run {run_id}"):
        known = client.get_run(run_id).data.params
        new = [Param(name, str(value)[:_PARAMETER_LENGTH]) for name, value in values.items() if name not in known]
        client.log_batch(run_id, params=new)


def log_curves(client: MlflowClient, run_id: str, history: Mapping[str, Sequence[float]]) -> None:
    """Log one metric per epoch curve, the epoch as step."""
    from mlflow.entities import Metric

    entries = [
        Metric(f"epoch/{name}", value, 0, epoch)
        for name, values in history.items()
        for epoch, value in enumerate(values)
    ]
    with translated(f"logging epoch curves of run {run_id}"):
        for start in range(0, len(entries), METRICS_PER_CALL):
            client.log_batch(run_id, metrics=entries[start : start + METRICS_PER_CALL])


def write_training_files(
    client: MlflowClient,
    run_id: str,
    *,
    schema: Schema,
    background: pd.DataFrame,
    rows: pd.DataFrame,
    pictures: Mapping[str, bytes],
) -> None:
    """Write schema, background data, rows to explain and pictures to the run.

    Must happen before registration: whoever is woken by a new version finds them there.
    """
    files = {
        layout.SCHEMA: (json.dumps(schema.to_dict(), indent=2, ensure_ascii=False) + "\n").encode(),
        layout.BACKGROUND: to_parquet_bytes(background.rename_axis(index="row_id")),
        layout.ROWS: to_parquet_bytes(rows.rename_axis(index="row_id")),
        **{f"{layout.TRAINING_PLOTS}/{name}.png": content for name, content in pictures.items()},
    }
    write_files(client, run_id, files)


def read_training_record(
    client: MlflowClient, version: RegisteredVersion, policy: SourcePolicy | None = None
) -> TrainingRecord:
    """Read what training logged.

    Args:
        client: the connection.
        version: the version that was trained.
        policy: how much may be read; None: all.

    Raises:
        SourceRefusedError: the policy forbids it.
        ModelError: the run holds no background data, or what it holds is damaged.
    """
    run_id, uri = version.run_id, version.uri
    files = _training_files(client, version, policy)
    lacking = [path for path in (layout.SCHEMA, layout.BACKGROUND, layout.ROWS) if path not in files]
    if lacking:
        msg = f"{uri}: its run {run_id} lacks {', '.join(lacking)}; restore these artifacts or train the model again"
        raise ModelError(msg)
    with translated(f"reading run {run_id}"):
        data = client.get_run(run_id).data
    plots = f"{layout.TRAINING_PLOTS}/"
    return TrainingRecord(
        schema=_schema(files[layout.SCHEMA], uri),
        background=_frame(files[layout.BACKGROUND], layout.BACKGROUND, uri, policy),
        rows=_frame(files[layout.ROWS], layout.ROWS, uri, policy),
        metrics=dict(data.metrics),
        params=dict(data.params),
        pictures={
            path.removeprefix(plots).removesuffix(".png"): content
            for path, content in files.items()
            if path.startswith(plots)
        },
    )


def read_logged_tables(
    client: MlflowClient, version: RegisteredVersion, policy: SourcePolicy | None = None
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Rows to explain and background data in the run of a model that was not trained here.

    Anybody who trains models can log them, under the names our own training uses.

    Args:
        client: the connection.
        version: the version whose run is looked into.
        policy: how much may be read; None: all.

    Returns:
        Rows and background; None for what the run does not hold.

    Raises:
        SourceRefusedError: the policy forbids it.
        ModelError: a table is damaged.
        TrackingError: the server or storage does not answer.
    """
    if not version.run_id:
        return None, None
    files = _training_files(client, version, policy)
    rows, background = (
        _frame(files[path], path, version.uri, policy) if path in files else None
        for path in (layout.ROWS, layout.BACKGROUND)
    )
    return rows, background


def _training_files(
    client: MlflowClient, version: RegisteredVersion, policy: SourcePolicy | None
) -> Mapping[str, bytes]:
    """What training logged, by artifact path; empty where there is no such folder in the run."""
    root = layout.ROWS.split("/", maxsplit=1)[0]
    if policy is not None:
        policy.check_run_folder(client, version, root)
    return {f"{root}/{path}": content for path, content in read_folder(client, version.run_id, root).items()}


def _schema(content: bytes, uri: str) -> Schema:
    try:
        return Schema.from_dict(parse_json(content))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(layout.SCHEMA, uri) from error


def _frame(content: bytes, path: str, uri: str, policy: SourcePolicy | None) -> pd.DataFrame:
    if policy is not None:
        require_size(unpacked_bytes(io.BytesIO(content)), f"{uri}: {path} in its run", policy.max_table_bytes)
    try:
        frame: Any = pd.read_parquet(io.BytesIO(content))
    except (OSError, ValueError) as error:
        raise _damaged(path, uri) from error
    return pd.DataFrame(frame)


def _damaged(path: str, uri: str) -> ModelError:
    return ModelError(f"{uri}: {path} in its run is damaged; restore this artifact or train the model again")
