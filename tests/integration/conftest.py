"""A store that the tests of the whole pipeline share: each model in it is trained and explained once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from harness.pipeline import Pipeline


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The embedded store with local artifacts, as a newcomer has it."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"  # a session's fixture starts before the environment is cleaned
    from harness.pipeline import Pipeline

    return Pipeline(tmp_path_factory.mktemp("pipeline"))
