"""What MLflow says while a model is saved."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from mlflow.utils import environment

from interp_pipeline.tracking.models.model_writer import _quiet_about_pip

if TYPE_CHECKING:
    import pytest


def test_an_environment_without_pip_is_nothing_to_warn_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_get_package_version", lambda _name: None)
    logger, heard = logging.getLogger(environment.__name__), list[str]()
    listener = logging.Handler()
    monkeypatch.setattr(listener, "emit", lambda record: heard.append(record.getMessage()))
    monkeypatch.setattr(logger, "handlers", [listener])
    environment._mlflow_conda_env(additional_pip_deps=["numpy"])
    assert len(heard) == 1  # what MLflow says by itself
    with _quiet_about_pip():
        saved = environment._mlflow_conda_env(additional_pip_deps=["numpy"])
        logger.warning("something else")
    assert saved is not None
    assert "pip" in saved["dependencies"]
    assert heard[1:] == ["something else"]
