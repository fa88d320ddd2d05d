"""Which data dictionary a version is shown with: the caller's, or the one that somebody declared for it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from interp_pipeline.addresses import shown_address
from interp_pipeline.data.data_dictionary import read_dictionary
from interp_pipeline.errors import InterpError
from interp_pipeline.tracking.sources.named_table import read_named_dictionary

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from interp_pipeline.data.data_dictionary import DataDictionary
    from interp_pipeline.tracking.server.registry import RegisteredVersion
    from interp_pipeline.tracking.sources.declared_data import Declared
    from interp_pipeline.tracking.sources.policy import SourcePolicy

__all__ = ["dictionary_declaration", "find_dictionary"]


def find_dictionary(
    client: MlflowClient,
    version: RegisteredVersion,
    given: str | None,
    declared: Declared,
    policy: SourcePolicy | None,
) -> DataDictionary | None:
    """Read the data dictionary of a version; None where there is none.

    Args:
        client: the connection.
        version: the version.
        given: where the caller's lies: path or URI; None: he gives none.
        declared: what somebody declared for the version.
        policy: what may be read of what was declared; None: whatever the credentials at hand open.

    Raises:
        UsageError: there is nothing at the address, or it may not be read.
        DataError: what is there is no data dictionary (a UsageError too).
        SourceRefusedError: the policy forbids to read it.
        TrackingError: the server or storage does not answer.
    """
    if given is not None:
        return read_dictionary(given)
    if declared.dictionary is None:
        return None
    try:
        return read_named_dictionary(client, declared.dictionary, version, policy)
    except InterpError as error:
        where = f"the data dictionary that {declared.dictionary_from} names ({shown_address(declared.dictionary)})"
        msg = f"{version.uri}: {where} cannot be used: {error}"
        raise type(error)(msg) from error


def dictionary_declaration(found: DataDictionary | None, declared: Declared, *, by_hand: bool) -> str:
    """What tells a data dictionary from others, in the words of ``question_digest``."""
    if found is not None and by_hand:
        return f"sha256:{hashlib.sha256(found.content).hexdigest()}"
    return declared.dictionary or ""
