"""Take over an explanation that is there already: nothing is computed twice because a record of it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import ModelError, RefusedError, UsageError
from interp_pipeline.stages.publish import announce
from interp_pipeline.tracking.runs.manifest import explanation_key
from interp_pipeline.tracking.runs.run_reader import read_verified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.server.session import Session

__all__ = ["adopt"]


def adopt(session: Session, version: RegisteredVersion, question: str) -> Mapping[str, Any] | None:
    """Find a finished explanation of a version and make sure that everything leads to it.

    It counts if every file is as its manifest says and it either answers the question or was asked for by somebody:
    what a person chose is not replaced by what is made for everyone. The version's tags prove nothing, for they
    are copied with it.

    Args:
        session: the connection.
        version: the version, with its run.
        question: what would be asked of it, see ``question_digest``.

    Returns:
        The manifest; None where there is no such explanation.

    Raises:
        UsageError: no permission.
        TrackingError: the server or storage does not answer.
    """
    try:
        found = read_verified(session.client, version)
    except RefusedError:
        raise
    except (ModelError, UsageError):  # damaged, or of another release: to be made again
        return None
    if found is None:
        return None
    record, files = found
    if record["question"] != question and not record["asked"]:
        return None
    key = explanation_key(version.identity, question, session.workspace)
    announce(session.client, version, record, files, key=key)
    return record
