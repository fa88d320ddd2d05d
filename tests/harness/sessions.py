"""Connections for tests that have a client already."""

from __future__ import annotations

import os
from typing import Any

from interp_pipeline.model_ref import ModelRef
from interp_pipeline.tracking.server.registry import RegisteredVersion, resolve
from interp_pipeline.tracking.server.session import Session

__all__ = ["session_of", "version_of"]


def session_of(client: Any) -> Session:
    """A connection of a client, real or not, to one server for runs and registry."""
    workspace = os.environ.get("MLFLOW_WORKSPACE", "")
    return Session(client=client, registry_uri=client.tracking_uri, workspace=workspace, is_of_process=False)


def version_of(client: Any, uri: str) -> RegisteredVersion:
    """The version that a model URI means."""
    return resolve(client, ModelRef.parse(uri))
