"""Links into the MLflow UI. They start at ``#``: right behind any host and path prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from interp_pipeline.addresses import without_secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlflow import MlflowClient

__all__ = [
    "FLAT",
    "artifact_link",
    "comparison_links",
    "how_to_read",
    "only_runs",
    "picture_source",
    "report_uri",
    "run_link",
    "shared_view",
]

# Without it a newcomer lands in the UI's traces, which training runs have none of.
_RUNS_VIEW = "workflowType=machine_learning"
# Child runs are folded below their parent, and charts of folded runs are empty; any order but the
# one by start time lists them flat.
FLAT = {"orderByKey": "tags.`mlflow.runName`", "orderByAsc": True}


def run_link(experiment_id: str, run_id: str) -> str:
    """The page of a run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}"


def artifact_link(experiment_id: str, run_id: str, path: str) -> str:
    """The page of a run that shows one artifact."""
    return f"{run_link(experiment_id, run_id)}/artifacts/{quote(path)}"


def picture_source(run_id: str, path: str) -> str:
    """Address of an artifact as a picture in a description."""
    return f"get-artifact?path={quote(path)}&run_uuid={run_id}"


def comparison_links(experiment_id: str, run_ids: Sequence[str]) -> dict[str, str]:
    """Some runs of an experiment side by side: charts, and tables."""
    flat = f"orderByKey={quote(str(FLAT['orderByKey']))}&orderByAsc=true"
    only = quote(only_runs(run_ids), safe="")
    base = f"#/experiments/{experiment_id}/runs?{_RUNS_VIEW}&{flat}&searchFilter={only}&compareRunsMode="
    return {"charts": f"{base}CHART", "tables": f"{base}ARTIFACT"}


def only_runs(run_ids: Sequence[str]) -> str:
    """What the page of an experiment is filtered by, to show some runs alone."""
    return f"attributes.run_id IN ({', '.join(repr(run_id) for run_id in run_ids)})"


def shared_view(experiment_id: str, key: str) -> str:
    """The charts of an experiment as a shared view has them, which is ignored beside other parameters."""
    return f"#/experiments/{experiment_id}/runs?{_RUNS_VIEW}&compareRunsMode=CHART&viewStateShareKey={key}"


def report_uri(tracking_uri: str, experiment_id: str, run_id: str, path: str) -> str:
    """Where to read a report: a page of the tracking server; for a store without one, an artifact URI."""
    if urlsplit(tracking_uri).scheme in {"http", "https"}:
        return f"{without_secrets(tracking_uri).rstrip('/')}/{artifact_link(experiment_id, run_id, path)}"
    return f"runs:/{run_id}/{path}"


def how_to_read(client: MlflowClient, run_id: str, path: str) -> str:
    """How a report is opened, a sentence, of which ``report_uri`` is no link; empty where it is one.

    Args:
        client: the connection.
        run_id: of the run.
        path: of the report below it.
    """
    if urlsplit(client.tracking_uri).scheme in {"http", "https"}:
        return ""
    root = str(client.get_run(run_id).info.artifact_uri)
    if urlsplit(root).scheme in {"", "file"}:
        from mlflow.utils.file_utils import local_file_uri_to_path

        return f"Open the report in a browser: {local_file_uri_to_path(root)}/{path}"  # type: ignore[no-untyped-call]
    return f"Fetch the report and open it in a browser: mlflow artifacts download -u 'runs:/{run_id}/{path}'"
