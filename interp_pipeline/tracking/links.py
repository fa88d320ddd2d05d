"""Links into the MLflow UI. They start at ``#``: right behind any host and path prefix."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from interp_pipeline.tracking import layout

__all__ = ["artifact_link", "comparison_links", "picture_source", "report_uri", "run_link", "without_password"]

# Without it a newcomer lands in the UI's traces, which training runs have none of.
_RUNS_VIEW = "workflowType=machine_learning"
# Child runs are folded below their parent, and charts of folded runs are empty; any order but the
# one by start time lists them flat.
_FLAT = "orderByKey=tags.%60mlflow.runName%60&orderByAsc=true"
# Without the parent and the comparisons, which would add empty columns and other tables.
_EXPLAINED = "searchFilter=" + quote(f"tags.`{layout.TAG_EXPLAINED_MODEL}` LIKE 'models:/%'", safe="")


def run_link(experiment_id: str, run_id: str) -> str:
    """The page of a run."""
    return f"#/experiments/{experiment_id}/runs/{run_id}"


def artifact_link(experiment_id: str, run_id: str, path: str) -> str:
    """The page of a run that shows one artifact."""
    return f"{run_link(experiment_id, run_id)}/artifacts/{quote(path)}"


def picture_source(run_id: str, path: str) -> str:
    """Address of an artifact as a picture in a description."""
    return f"get-artifact?path={quote(path)}&run_uuid={run_id}"


def comparison_links(experiment_id: str) -> dict[str, str]:
    """The explained runs of an experiment side by side: charts, and tables."""
    base = f"#/experiments/{experiment_id}/runs?{_RUNS_VIEW}&{_FLAT}&{_EXPLAINED}&compareRunsMode="
    return {"charts": f"{base}CHART", "tables": f"{base}ARTIFACT"}


def report_uri(tracking_uri: str, experiment_id: str, run_id: str, path: str) -> str:
    """Where to read a report: a page of the tracking server; for a store without one, an artifact URI."""
    if urlsplit(tracking_uri).scheme in {"http", "https"}:
        return f"{_without_login(tracking_uri).rstrip('/')}/{artifact_link(experiment_id, run_id, path)}"
    return f"runs:/{run_id}/{path}"


def without_password(uri: str) -> str:
    """An address as it may be shown."""
    parts = urlsplit(uri)
    return uri if parts.password is None else uri.replace(f":{parts.password}@", ":***@")


def _without_login(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
