"""What MLflow's webhooks say, as far as it matters here."""

from __future__ import annotations

import json
import re
from typing import Any

__all__ = ["EVENT", "EventError", "read_event"]

EVENT = "model_version.created"
_LONGEST_NAME = 256  # what MLflow's tables hold
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_LARGEST_VERSION = 2**31 - 1
# MLflow's button for trying a hook out sends this, signed as everything else: a version nobody registered.
_TEST = {"name": "example_model", "version": "1", "source": "models:/123", "run_id": "abcd1234abcd5678"}


class EventError(Exception):
    """A body that is no event of MLflow's."""


def read_event(body: bytes) -> tuple[str, int] | str:
    """Read the body of a delivery.

    Of what it says about the version only its name is taken: the run is missing there, and with several
    workspaces MLflow sends events to hooks of other teams. The worker asks the registry.

    Args:
        body: as received, with a signature that was found to be right.

    Returns:
        Name and number of the version; or a word for why there is none: ``test`` or ``ignored``.

    Raises:
        EventError: it is not JSON, or not of the shape MLflow gives it.
    """
    try:
        event = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or thousands of brackets
        msg = f"the body is not JSON in UTF-8 ({type(error).__name__})"
        raise EventError(msg) from error
    if not isinstance(event, dict) or not all(isinstance(event.get(part), str) for part in ("entity", "action")):
        msg = "the body has no entity and action"
        raise EventError(msg)
    if f"{event['entity']}.{event['action']}" != EVENT:
        return "ignored"
    data = event.get("data")
    if not isinstance(data, dict):
        msg = "the body has no data"
        raise EventError(msg)
    if all(data.get(part) == value for part, value in _TEST.items()):
        return "test"
    return _name(data.get("name")), _version(data.get("version"))


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
        msg = "data.name cannot name a registered model"
        raise EventError(msg)
    return name


def _version(version: Any) -> int:
    if not isinstance(version, str) or not _NUMBER.fullmatch(version) or int(version) > _LARGEST_VERSION:
        msg = "data.version is not the number of a version, as a text"
        raise EventError(msg)
    return int(version)
