"""What is said to a worker whose job table belongs to another configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from interp_pipeline.errors import UsageError
from mlflow_plugin.jobs import JobTable
from mlflow_plugin.metrics import Metrics
from mlflow_plugin.settings import load_settings
from mlflow_plugin.worker.belonging import Membership, differences, require_ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow_plugin.settings import Settings


@pytest.fixture
def table(tmp_path: Path) -> Iterator[JobTable]:
    opened = JobTable.open(f"sqlite:///{tmp_path / 'jobs.db'}")
    yield opened
    opened.close()


def _settings(folder: Path, text: str) -> Settings:
    file = folder / "interp.toml"
    file.write_text(text)
    return load_settings(str(file), {})


def test_only_what_decides_about_jobs_belongs_to_a_table(tmp_path: Path) -> None:
    plain = _settings(tmp_path, "").of_jobs()
    for same in ("[explain]\nrows = 200", "[worker]\npoll_s = 3", "[sandbox]\nmax_seconds = 5", "[train]\nseed = 1"):
        assert _settings(tmp_path, same).of_jobs() == plain
    for other in ("[explain]\nrows = 100", "[select]\nnewest = 3", '[[data]]\nmodels = "a*"\nrows = "rows.csv"'):
        assert _settings(tmp_path, other).of_jobs() != plain
    ordered, turned = (_settings(tmp_path, f"[select]\nmodels = {names}") for names in ('["a", "b"]', '["b", "a"]'))
    assert ordered.of_jobs() == turned.of_jobs()


def test_the_differences_are_named(tmp_path: Path) -> None:
    plain = _settings(tmp_path, "").of_jobs()
    text = '[explain]\nrows = 100\n[select]\nmodels = ["a*"]\n[[data]]\nmodels = "a*"\nrows = "r.csv"'
    said = differences(plain, _settings(tmp_path, text).of_jobs())
    assert said.startswith("[[data]] was [] and is [{")
    assert said.endswith(' here, [explain] rows was 200 and is 100 here, [select] models was ["*"] and is ["a*"] here')


def test_the_worker_with_the_earlier_configuration_stands_by_and_says_why(
    tmp_path: Path, table: JobTable, caplog: pytest.LogCaptureFixture
) -> None:
    earlier, changed = _settings(tmp_path, "[explain]\nrows = 100"), _settings(tmp_path, "[explain]\nrows = 50")
    metrics = Metrics()
    old, new = Membership(table, earlier, metrics), Membership(table, changed, Metrics())
    assert old.is_ours()
    with caplog.at_level("WARNING", "interp.worker"):
        assert new.is_ours()
        assert "[explain] rows was 100 and is 50 here" in caplog.text
        caplog.clear()
        assert not old.is_ours()
        assert not old.is_ours()
    assert [each.message for each in caplog.records] == [f"standing by: {old.why_not()}"]
    for said in ("[explain] rows was 50 and is 100 here", "INTERP_JOBS_URI", "180 s after the last word"):
        assert said in caplog.text
    assert b"interp_configuration_current 0.0" in metrics.exposition()
    with pytest.raises(UsageError, match=r"belongs to another configuration.*\[explain\] rows was 50 and is 100 here"):
        require_ours(table, earlier)
    require_ours(table, changed)
    new.leave()
    assert old.is_ours()
    assert b"interp_configuration_current 1.0" in metrics.exposition()
