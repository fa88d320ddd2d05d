"""The tag that tells MLflow's chart page what stands where."""

from __future__ import annotations

import base64
import json
import zlib
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from interp_pipeline.tracking.runs.chart_view import side_by_side


class Client:
    """Holds metrics of runs, and the tags that an experiment gets."""

    def __init__(self, metrics: dict[str, dict[str, float]]) -> None:
        self._metrics = metrics
        self.tags: dict[str, str] = {}

    def get_run(self, run_id: str) -> Any:
        return SimpleNamespace(data=SimpleNamespace(metrics=self._metrics[run_id]))

    def set_experiment_tag(self, experiment_id: str, key: str, value: str) -> None:
        assert experiment_id == "7"
        self.tags[key] = value

    def state(self) -> dict[str, Any]:
        (value,) = self.tags.values()
        return dict(json.loads(zlib.decompress(base64.b64decode(value.removeprefix("deflate;")))))


def test_the_most_important_feature_of_all_runs_comes_first() -> None:
    client = Client(
        {
            "r1": {"shap_mean_abs/a": 0.1, "shap_mean_abs/b": 0.3, "epoch/loss": 9.0},
            "r2": {"shap_mean_abs/a": 0.9, "shap_mean_abs/c": 0.2},
        }
    )
    views = side_by_side(client, "7", ["r1", "r2"])  # type: ignore[arg-type]  # as much of a client as is used
    state = client.state()
    assert state["searchFilter"] == "attributes.run_id IN ('r1', 'r2')"
    assert [section["name"] for section in state["compareRunSections"]] == ["What drives them", "shap_mean_abs"]
    each = [chart["metricKey"] for chart in state["compareRunCharts"] if chart["metricSectionId"] == "interp-each"]
    assert each == ["shap_mean_abs/a", "shap_mean_abs/b", "shap_mean_abs/c"]
    (tag,) = client.tags
    key = parse_qs(views["charts"].partition("?")[2])["viewStateShareKey"]
    assert tag == f"mlflow.sharedViewState.{key[0]}"
    assert "viewStateShareKey" not in views["tables"]
    assert side_by_side(client, "7", ["r1", "r2"]) == views  # type: ignore[arg-type]  # again: the same tag
    assert len(client.tags) == 1


@pytest.mark.parametrize("n_features", [1, 60, 500])
@pytest.mark.parametrize("length", [5, 200])
def test_the_tag_has_room_for_any_names(n_features: int, length: int) -> None:
    import hashlib

    names = [(hashlib.sha256(str(i).encode()).hexdigest() * 4)[:length] + str(i) for i in range(n_features)]
    client = Client({"r1": {f"shap_mean_abs/{name}": float(i) for i, name in enumerate(names)}})
    side_by_side(client, "7", ["r1"])  # type: ignore[arg-type]  # as much of a client as is used
    (value,) = client.tags.values()
    assert len(value) <= 5000
    assert client.state()["compareRunCharts"][2]["metricKey"] == f"shap_mean_abs/{names[-1]}"


def test_runs_without_an_explanation_leave_no_tag() -> None:
    client = Client({"r1": {"epoch/loss": 1.0}})
    views = side_by_side(client, "7", ["r1"])  # type: ignore[arg-type]  # as much of a client as is used
    assert client.tags == {}
    assert "searchFilter" in views["charts"]
