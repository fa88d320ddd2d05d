"""Fetch the files of a registered version, and load them as something that can be explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.tracking.answers import first_line, translated
from interp_pipeline.training.summation_order import fix_summation_order

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.explainers.protocol import ExplainableModel
    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.tracking.registry import RegisteredVersion

__all__ = ["LoadedModel", "fetch_model", "load_model"]


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedModel:
    """A model from the registry, by its parts and as MLflow serves it."""

    kind: str  # as trained: random_forest or keras
    task: str
    parts: ExplainableModel
    predict: Callable[[pd.DataFrame], FloatArray]  # through the pyfunc, as any user of the model would


def fetch_model(version: RegisteredVersion, folder: Path) -> Path:
    """Download the files of a version.

    Returns:
        The folder that holds the ``MLmodel`` file; it may be the store's own where that is local.

    Raises:
        ModelError: the files are gone or damaged, or the model was not trained by this library.
        UsageError: no permission to read them.
        TrackingError: the server or storage does not answer.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    with translated(f"downloading {version.uri}"):
        try:
            path = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.uri, dst_path=str(folder)))
        except (MlflowException, OSError) as error:
            if _says_missing(error):
                raise _files_gone(version) from error
            raise
    if not (path / "MLmodel").is_file():
        raise _files_gone(version)
    _require_ours(path, version.uri)
    return path


def _says_missing(error: Exception) -> bool:
    text = str(error)
    marks = ("No such artifact", "No such file", "NoSuchKey", "(404)", "does not exist", "RESOURCE_DOES_NOT_EXIST")
    return isinstance(error, FileNotFoundError) or any(mark in text for mark in marks)


def _files_gone(version: RegisteredVersion) -> ModelError:
    return ModelError(f"{version.uri}: its model files ({version.source}) were deleted; train the model again")


def _require_ours(path: Path, uri: str) -> dict[str, str]:
    """What our trainers wrote into the ``MLmodel`` file, which is looked at before any code of the model runs."""
    from mlflow.models import Model

    try:
        metadata = (Model.load(str(path)).metadata or {}).get("interp")
    except Exception as error:  # YAML that is cut off fails in many ways
        msg = f"{uri}: its MLmodel file is damaged ({first_line(error)}); restore it, or train the model again"
        raise ModelError(msg) from error
    if metadata is None:
        msg = (
            f"{uri} was not trained by interp-pipeline, and only its own models can be explained so far; "
            "train it with: interp train DATA --target COLUMN"
        )
        raise ModelError(msg)
    return dict(metadata)


def load_model(path: Path, uri: str) -> LoadedModel:
    """Load a model that ``log_and_register`` wrote.

    Args:
        path: folder with the ``MLmodel`` file.
        uri: what the model is called in messages.

    Raises:
        ModelError: the model was not trained by this library, or cannot be loaded here.
    """
    import mlflow

    metadata = _require_ours(path, uri)
    fix_summation_order()
    try:
        served = mlflow.pyfunc.load_model(str(path))
    except ModuleNotFoundError as error:
        msg = f"{uri} cannot be loaded without {error.name}: pip install 'interp-pipeline[keras]'"
        raise ModelError(msg) from error
    except Exception as error:  # the model's own code runs here and may raise anything
        msg = f"{uri} cannot be loaded ({first_line(error)}); restore its files, or train it again"
        raise ModelError(msg) from error

    def predict(rows: pd.DataFrame) -> FloatArray:
        return np.asarray(served.predict(rows), dtype=np.float64)

    return LoadedModel(
        kind=metadata["kind"],
        task=metadata["task"],
        parts=cast("ExplainableModel", served.unwrap_python_model()),
        predict=predict,
    )
