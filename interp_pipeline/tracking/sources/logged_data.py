"""The data sets a run says it used: where they lie, and what they were used for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from interp_pipeline.addresses import without_secrets
from interp_pipeline.tracking.bounded_parsing import parse_json
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["LoggedDataset", "read_logged_datasets"]

_CONTEXT = "mlflow.data.context"  # the tag ``mlflow.log_input(..., context=...)`` sets
_ADDRESS = {"local": "uri", "s3": "uri", "http": "url"}  # by kind of source: where in its record the address stands


@dataclass(frozen=True, kw_only=True)
class LoggedDataset:
    """One data set that was logged as an input of a run."""

    name: str
    context: str  # "training", "test", ...; empty where none was given
    kind: str  # of its source, in MLflow's word
    address: str | None  # of a source that can be read again; None for all others
    columns: tuple[str, ...]  # as logged; empty where they were not

    @property
    def label(self) -> str:
        """What it is called in sentences."""
        where = "" if self.address is None else f" ({without_secrets(self.address)})"
        return f"the data set {self.name!r}{where} logged with the run"


def read_logged_datasets(client: MlflowClient, run_id: str) -> tuple[LoggedDataset, ...]:
    """The data set inputs of a run, in the order MLflow keeps them.

    Raises:
        UsageError: no permission, or no such run.
        TrackingError: the server does not answer.
    """
    if not run_id:  # the model was logged outside any run
        return ()
    with translated(f"reading the data sets of run {run_id}"):
        inputs = client.get_run(run_id).inputs
    found = []
    for logged in inputs.dataset_inputs if inputs is not None else ():
        source = _json(logged.dataset.source)
        found.append(
            LoggedDataset(
                name=logged.dataset.name,
                context=next((tag.value for tag in logged.tags if tag.key == _CONTEXT), ""),
                kind=logged.dataset.source_type,
                address=_address(source.get(_ADDRESS.get(logged.dataset.source_type, ""))),
                columns=_columns(_json(logged.dataset.schema)),
            )
        )
    return tuple(found)


def _address(value: object) -> str | None:
    """An address that at least looks like one."""
    if not isinstance(value, str) or not value:
        return None
    try:
        urlsplit(value)
    except ValueError:
        return None
    return value


def _json(text: str | None) -> dict[str, Any]:
    """A record as it was logged; empty for what is none, since anybody may write these fields."""
    try:
        content = parse_json(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _columns(schema: dict[str, Any]) -> tuple[str, ...]:
    specs = schema.get("mlflow_colspec")
    if not isinstance(specs, list):
        return ()
    return tuple(str(spec["name"]) for spec in specs if isinstance(spec, dict) and "name" in spec)
