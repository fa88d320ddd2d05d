"""A writer that dies at any moment leaves a whole explanation or none: never one that is half old and half new."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness import killed_publisher
from harness.pipeline import EXPLAIN, FOLDER, Pipeline, train_config
from harness.process import bare_environment

from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    from harness.pipeline import Case

    from interp_pipeline.steps.train import TrainedVersion

pytestmark = pytest.mark.xdist_group("pipeline")

_MOMENTS = 24


@pytest.fixture(scope="module")
def trained(pipeline: Pipeline) -> TrainedVersion:
    """A version that belongs to this module alone."""
    return pipeline.train(str(pipeline.csv("regression")), "crash", train_config("regression", "random_forest"))


@pytest.fixture(scope="module")
def deaths(pipeline: Pipeline, trained: TrainedVersion) -> list[dict[str, Any]]:
    """What was found after each death, the first entry being a writer that lived."""
    tests = Path(killed_publisher.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "harness.killed_publisher", pipeline.uri, trained.uri, str(_MOMENTS)],
        env=bare_environment({"PYTHONPATH": f"{tests}:{tests.parent}"}),
        cwd=pipeline.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_killed_at_any_moment_it_leaves_a_whole_or_nothing(deaths: list[dict[str, Any]]) -> None:
    lived, *died = deaths
    assert (lived["killed"], lived["found"]) == (False, "new")
    assert len(died) >= _MOMENTS
    assert all(death["killed"] for death in died)
    assert died[0]["moment"] == 0
    assert died[0]["found"] == "old"  # nothing has been touched yet
    states = [state for state, _ in itertools.groupby(death["found"] for death in died)]
    assert states == ["old", "nothing", "new"]  # in this order, and none of them comes back
    assert {death["said"] for death in died} >= {"open", "os.remove"}  # killed while writing, and while clearing up
    assert [death["again"] for death in died] == ["new"] * len(died)  # and the next attempt repairs it


def test_a_manifest_cut_short_is_said_to_be_damaged(pipeline: Pipeline) -> None:
    case = _explained(pipeline, "cut")
    place = case.published / "manifest.json"
    whole = place.read_bytes()
    place.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match=r"the manifest of models:/cut/1 is damaged; explain it again: interp explain"):
        _load(pipeline, case)


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_files_that_are_not_those_of_the_manifest_are_refused(harm: str, pipeline: Pipeline) -> None:
    case = _explained(pipeline, f"harm-{harm}")
    place = case.published / "shap_values.parquet"
    if harm == "missing":
        place.unlink()
    else:
        place.write_bytes((case.published / "lime_weights.parquet").read_bytes())
    with pytest.raises(ModelError, match=r"shap_values\.parquet is (missing|not what was published); run: interp"):
        _load(pipeline, case)


def _explained(pipeline: Pipeline, name: str) -> Case:
    from harness.pipeline import Case

    config = train_config("regression", "random_forest", n_estimators=2)
    trained = pipeline.train(str(pipeline.csv("regression")), name, config)
    return Case(
        task="regression",
        kind="random_forest",
        trained=trained,
        explained=pipeline.explain(trained.uri, EXPLAIN),
        artifacts=pipeline.artifacts(trained.run_id),
    )


def _load(pipeline: Pipeline, case: Case) -> None:
    import mlflow

    import interp_pipeline

    assert case.published.parts[-2:] == tuple(FOLDER.split("/"))
    mlflow.set_tracking_uri(pipeline.uri)
    interp_pipeline.load(case.trained.uri)
