"""Train a model on a table, log everything its explanation will need, register it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp_pipeline.data.background import select_background, select_rows
from interp_pipeline.data.dataset import Dataset, load_dataset
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.rows.unseen_categories import UNSEEN_AS_MISSING
from interp_pipeline.tracking.models.model_writer import log_and_register
from interp_pipeline.tracking.runs.run_writer import log_numbers
from interp_pipeline.tracking.runs.training_run import log_curves, log_dataset, log_parameters, write_training_files
from interp_pipeline.tracking.server.open_run import open_run
from interp_pipeline.tracking.server.registry import check_registered_name
from interp_pipeline.tracking.server.session import connect
from interp_pipeline.training.metrics import compute_metrics, count_confusions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient

    from interp_pipeline.config import TrainConfig
    from interp_pipeline.progress import Progress
    from interp_pipeline.tracking.server.session import Session
    from interp_pipeline.training.fitted import FittedModel

__all__ = ["TrainedVersion", "train"]

_EXAMPLE_ROWS = 5


@dataclass(frozen=True, kw_only=True)
class TrainedVersion:
    """What training left behind."""

    uri: str  # model URI of the new version
    run_id: str
    metrics: Mapping[str, float]  # of the test split, without prefix


def train(
    data: str,
    registered_model_name: str,
    config: TrainConfig,
    *,
    session: Session | None = None,
    progress: Progress | None = None,
) -> TrainedVersion:
    """Train one model and register it as a new version.

    Nothing is written before the data has been read and checked, and the version is registered last,
    after the background data and the rows to explain are in the run.

    Args:
        data: CSV or Parquet file or folder: local, ``s3://`` or http(s); or ``german_credit``.
        registered_model_name: name in the registry, created where it does not exist.
        config: kind of model, target column, and how to train.
        session: the connection; None makes one by MLflow's own setting.
        progress: listens to the stages.

    Returns:
        The new version.

    Raises:
        UsageError: a wrong name or option, or data that cannot be used (DataError).
        TrackingError: the tracking server or a storage does not answer.
    """
    progress = progress or SilentProgress()
    check_registered_name(registered_model_name)
    session = session or connect()
    client = session.client
    with progress.track("Reading data", 1) as advance:
        dataset = load_dataset(data, config)
        advance(1)
    for line in dataset.report.lines:
        progress.say(line)
    with open_run(session, f"train {registered_model_name}") as run_id:
        _log_parameters(client, run_id, dataset, config)
        log_dataset(client, run_id, dataset)
        model = _fit(dataset, config, progress)
        with progress.track("Measuring and registering", 3) as advance:
            metrics = _evaluate(client, run_id, dataset, model)
            advance(1)
            _log_files(client, run_id, dataset, model, config)
            advance(1)
            example = dataset.features(dataset.train).head(_EXAMPLE_ROWS)
            version = log_and_register(session, run_id, model, example, registered_model_name)
            uri = f"models:/{registered_model_name}/{version}"
            advance(1)
        progress.say(f"Registered {uri}")
    return TrainedVersion(uri=uri, run_id=run_id, metrics=metrics)


def _fit(dataset: Dataset, config: TrainConfig, progress: Progress) -> FittedModel:
    if config.kind == "keras":
        from interp_pipeline.training.keras_mlp import fit_keras_mlp, import_keras

        with progress.track("Loading Keras", 1) as advance:
            import_keras()
            advance(1)
        with progress.track(f"Training a Keras network, epochs: {config.epochs}", config.epochs) as advance:
            return fit_keras_mlp(dataset.train, dataset.test, dataset.schema, config, advance)
    from interp_pipeline.training.random_forest import fit_random_forest

    with progress.track(f"Training a random forest, trees: {config.n_estimators}", config.n_estimators) as advance:
        return fit_random_forest(dataset.train, dataset.schema, config, advance)


def _log_parameters(client: MlflowClient, run_id: str, dataset: Dataset, config: TrainConfig) -> None:
    own = {"random_forest": ("n_estimators", "max_depth"), "keras": ("hidden", "epochs", "batch_size")}
    chosen = config.to_dict()
    values: dict[str, Any] = {
        name: chosen[name] for name in ("kind", "target", "seed", "test_fraction", *own[config.kind])
    }
    values |= {
        "task": dataset.schema.task,
        "data_source": dataset.source,
        "n_train": len(dataset.train),
        "n_test": len(dataset.test),
    }
    if config.kind == "random_forest":
        values |= dict([UNSEEN_AS_MISSING])
    if dataset.schema.positive_class is not None:
        values["positive_class_used"] = dataset.schema.positive_class
    log_parameters(client, run_id, values)


def _evaluate(client: MlflowClient, run_id: str, dataset: Dataset, model: FittedModel) -> dict[str, float]:
    schema = dataset.schema
    outputs = model.predict(dataset.features(dataset.test))
    metrics = compute_metrics(
        dataset.target(dataset.test),
        outputs,
        schema,
        dataset.target(dataset.train),
    )
    log_numbers(client, run_id, {f"test_{name}": value for name, value in metrics.items()}, {})
    log_curves(client, run_id, model.history)
    return metrics


def _log_files(client: MlflowClient, run_id: str, dataset: Dataset, model: FittedModel, config: TrainConfig) -> None:
    schema = dataset.schema
    background = dataset.features(select_background(dataset.train, config.background_rows, config.seed))
    rows = select_rows(dataset.test, config.explain_rows, config.seed)
    write_training_files(
        client, run_id, schema=schema, background=background, rows=rows, pictures=_pictures(dataset, model)
    )


def _pictures(dataset: Dataset, model: FittedModel) -> dict[str, bytes]:
    from interp_pipeline import plots
    from interp_pipeline.plots.files import to_png

    schema = dataset.schema
    target = dataset.target(dataset.test)
    outputs = model.predict(dataset.features(dataset.test))
    figures = {}
    if schema.task == "regression":
        figures["residuals"] = plots.residuals(target, outputs[:, 0], schema.target)
    else:
        counts = count_confusions(target, outputs, len(schema.classes))
        figures["confusion_matrix"] = plots.confusion_matrix(counts, schema.classes)
    if model.history:
        figures["epochs"] = plots.epochs(model.history)
    return {name: to_png(figure) for name, figure in figures.items()}
