"""Log and register a fitted model so that anything which loads it can predict raw rows."""

from __future__ import annotations

import json
import logging
import tempfile
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data import typed_rows
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server.process_setting import lent_to
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

    from interp_pipeline.data.schema import Schema
    from interp_pipeline.tracking.server.session import Session
    from interp_pipeline.training.fitted import FittedModel

__all__ = ["log_and_register"]

_SERVED_MODEL = Path(__file__).with_name("served_model.py")
# What skops may rebuild when it loads our files; anything else in them is refused.
_TRUSTED_FOREST = ["sklearn.tree._tree.Tree"]


def log_and_register(
    session: Session, run_id: str, model: FittedModel, example: pd.DataFrame, registered_model_name: str
) -> int:
    """Log a model to a run under the name ``model`` and register it.

    The registered model is a pyfunc that takes raw rows under their own column names and gives a
    frame of class probabilities under the class names (or of the predicted target). It carries its
    own code; loading it needs scikit-learn or Keras, but not this library.

    Args:
        session: the connection.
        run_id: of the run.
        model: what training gave.
        example: a few raw rows, logged as input example.
        registered_model_name: name in the registry, created where it does not exist.

    Returns:
        The number of the new version.

    Raises:
        UsageError: no permission, or a name the registry refuses.
        TrackingError: the server or storage does not answer.
    """
    import mlflow
    from mlflow.models import Model

    doing = f"logging the model for {registered_model_name!r}"
    with tempfile.TemporaryDirectory() as folder, translated(doing), _quiet_about_pip():
        parts = _save_parts(model, Path(folder))
        model_id = _create(session.client, run_id)
        with lent_to(session):
            Model.log(
                artifact_path=None,
                flavor=mlflow.pyfunc,
                run_id=run_id,
                model_id=model_id,
                python_model=str(_SERVED_MODEL),
                artifacts=parts,
                signature=_signature(model.schema),
                input_example=_plain(example),
                pip_requirements=_requirements(model),
                metadata={"interp": {"kind": model.kind, "task": model.schema.task}},
            )
    # A store in a database looks for the logged model at the process's own server.
    with translated(f"registering {registered_model_name!r}"), lent_to(session):
        return _register(session.client, model_id, registered_model_name)


def _create(client: MlflowClient, run_id: str) -> str:
    """Make room for a logged model, in the experiment of its run: MLflow's own way would take the active one."""
    from mlflow.tracking.context import registry

    run = client.get_run(run_id)
    logged = client.create_logged_model(
        run.info.experiment_id,
        name=layout.MODEL_NAME,
        source_run_id=run_id,
        params=run.data.params,
        tags=registry.resolve_tags(),
    )
    return str(logged.model_id)


@contextmanager
def _quiet_about_pip() -> Iterator[None]:
    """Environments that uv makes have no pip: MLflow warns that it writes none's version into a model's conda.yaml."""

    def is_other(record: logging.LogRecord) -> bool:
        return "installed pip version" not in record.getMessage()

    logger = logging.getLogger("mlflow.utils.environment")
    logger.addFilter(is_other)
    try:
        yield
    finally:
        logger.removeFilter(is_other)


def _register(client: MlflowClient, model_id: str, name: str) -> int:
    """Make a logged model the next version of a registered one.

    ``log_model`` would do the same, and print two lines of its own among ours, the first of which says
    "successfully registered" before it is.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils.mlflow_tags import MLFLOW_MODEL_VERSIONS

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    version = client.create_model_version(name, f"models:/{model_id}", model_id=model_id)
    # From this tag the UI knows, on the page of the logged model, which versions it has become.
    known = [{"name": version.name, "version": version.version}]
    client.set_logged_model_tags(model_id, {MLFLOW_MODEL_VERSIONS: json.dumps(known)})
    return int(version.version)


def _save_parts(model: FittedModel, folder: Path) -> dict[str, str]:
    import mlflow

    schema = folder / "schema.json"
    schema.write_text(json.dumps(model.schema.to_dict(), indent=2, ensure_ascii=False), encoding="utf-8")
    parts = {"schema": schema, "typed_rows": Path(typed_rows.__file__), "estimator": folder / "estimator"}
    if model.kind == "keras":
        mlflow.keras.save_model(
            model.estimator,
            str(parts["estimator"]),
            signature=_network_signature(model.estimator),
            pip_requirements=_requirements(model),
        )
    else:
        mlflow.sklearn.save_model(
            model.estimator,
            str(parts["estimator"]),
            skops_trusted_types=_TRUSTED_FOREST,
            pip_requirements=_requirements(model),
        )
    if model.encoder is not None:
        import skops.io

        parts["encoder"] = folder / "encoder.skops"
        skops.io.dump(model.encoder, parts["encoder"])
    return {name: str(path) for name, path in parts.items()}


def _network_signature(network: Any) -> Any:
    from mlflow.models import infer_signature

    row = np.zeros((1, network.input_shape[-1]), dtype=np.float32)
    return infer_signature(row, np.asarray(network(row)))


def _requirements(model: FittedModel) -> list[str]:
    """What loading the model needs, at the versions it was made with."""
    from importlib.metadata import version

    names = ["mlflow", "numpy", "pandas", "scikit-learn", "skops"]
    requirements = [f"{name}=={version(name)}" for name in names]
    if model.kind == "keras":
        requirements += [f"keras=={version('keras')}", f"tensorflow=={_tensorflow_version()}"]
    return requirements


def _tensorflow_version() -> str:
    import tensorflow as tf

    return str(tf.__version__)


def _signature(schema: Schema) -> ModelSignature:
    """Names and order of the columns; their types are left to the model.

    MLflow holds a declared type against how pandas happened to read a batch: a whole-number column
    with a gap is refused as float, a float column without fractions as int, a text column without
    any value as float. The model's own rules read all of these, and name the row and the value they cannot.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, DataType
    from mlflow.types.schema import Schema as Columns

    anything: Any = AnyType()  # type: ignore[no-untyped-call]  # mlflow's own
    return ModelSignature(
        inputs=Columns([ColSpec(anything, f.name, required=f.kind != "unused") for f in schema.features]),
        outputs=Columns([ColSpec(DataType.double, name) for name in schema.output_names]),
    )


def _plain(example: pd.DataFrame) -> pd.DataFrame:
    """Raw rows as JSON can hold them, which is how MLflow keeps the example: dates as ISO 8601 texts."""
    import pandas as pd

    columns = {}
    for name in example.columns:
        cells = zip(example[name].astype(object), typed_rows.is_missing(example[name]), strict=True)
        columns[name] = pd.Series([None if gap else _plain_cell(cell) for cell, gap in cells])
    return pd.DataFrame(columns)


def _plain_cell(cell: Any) -> Any:
    value = cell.item() if isinstance(cell, np.generic) else cell
    if isinstance(value, (bool, int, float)):
        return value
    return float(value) if isinstance(value, Decimal) else typed_rows.name_of(value)
