"""The parts of a worker for tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.worker_parts import Parts, a_worker_of_parts

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """A registry with one version, and its job in the table."""
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    found = a_worker_of_parts(tmp_path)
    found.register()
    found.scan()
    return found
