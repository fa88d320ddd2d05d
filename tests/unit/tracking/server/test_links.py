"""Links work in a browser wherever the server stands, and give nothing away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from interp_pipeline.tracking.server import links

_PATH = "explanations/model/report.html"


@pytest.mark.parametrize(
    ("server", "link"),
    [
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000/#/experiments/7/runs/r1/artifacts/" + _PATH),
        ("https://x.org/mlflow/", "https://x.org/mlflow/#/experiments/7/runs/r1/artifacts/" + _PATH),
        ("https://ann:secret@x.org", "https://x.org/#/experiments/7/runs/r1/artifacts/" + _PATH),
        ("sqlite:///mlflow.db", "runs:/r1/" + _PATH),
        ("postgresql://ann:secret@x/mlflow", "runs:/r1/" + _PATH),
    ],
)
def test_a_report_is_a_page_of_the_server_or_an_artifact(server: str, link: str) -> None:
    assert links.report_uri(server, "7", "r1", _PATH) == link


@pytest.mark.parametrize("path", ["a b.png", "a#b?c&d.png", "größe.png", "100%.png"])
def test_paths_come_through_an_address(path: str) -> None:
    page = links.artifact_link("7", "r1", path)
    assert page.startswith("#/experiments/7/runs/r1/artifacts/")
    assert unquote(page.rsplit("/", 1)[1]) == path
    picture = urlsplit(links.picture_source("r1", path))
    assert parse_qs(picture.query) == {"path": [path], "run_uuid": ["r1"]}


def test_runs_stand_side_by_side_in_both_views() -> None:
    views = links.comparison_links("7", ["r1", "r2"])
    assert set(views) == {"charts", "tables"}
    for name, mode in (("charts", "CHART"), ("tables", "ARTIFACT")):
        place, _, query = views[name].partition("?")
        assert place == "#/experiments/7/runs"
        assert parse_qs(query)["compareRunsMode"] == [mode]
        assert parse_qs(query)["searchFilter"] == ["attributes.run_id IN ('r1', 'r2')"]
    assert links.run_link("7", "r1") == "#/experiments/7/runs/r1"


@pytest.mark.parametrize(
    ("tracking_uri", "root", "told"),
    [
        ("https://mlflow.example/", "s3://bucket/1/abc/artifacts", ""),
        ("sqlite:///m.db", "/data/mlruns/1/abc", "Open the report in a browser: /data/mlruns/1/abc/r.html"),
        ("sqlite:///m.db", "file:///data/a%20b", "Open the report in a browser: /data/a b/r.html"),
        (
            "sqlite:///m.db",
            "s3://bucket/1/abc/artifacts",
            "Fetch the report and open it in a browser: mlflow artifacts download -u 'runs:/abc/r.html'",
        ),
    ],
    ids=["server", "path", "file", "bucket"],
)
def test_how_a_report_is_opened_is_told_where_its_address_is_no_link(tracking_uri: str, root: str, told: str) -> None:
    run = SimpleNamespace(info=SimpleNamespace(artifact_uri=root))
    client: Any = SimpleNamespace(tracking_uri=tracking_uri, get_run=lambda _: run)
    assert links.how_to_read(client, "abc", "r.html") == told
