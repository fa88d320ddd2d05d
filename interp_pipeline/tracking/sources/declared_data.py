"""Where a version's rows, background data and data dictionary lie when somebody said so: in tags or configuration."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from interp_pipeline.config import Config
from interp_pipeline.tracking import layout
from interp_pipeline.tracking.server.translate_errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlflow import MlflowClient

    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["NOTHING_DECLARED", "DataDefault", "Declared", "declare", "read_declared"]


@dataclass(frozen=True, kw_only=True)
class DataDefault(Config):
    """Where all versions of some models find rows and background data: an entry ``[[data]]`` of the configuration."""

    models: str  # pattern of model names, such as "credit-*"
    rows: str | None = None  # address of the rows to explain
    background: str | None = None  # address of the background data
    dictionary: str | None = None  # address of a data dictionary


@dataclass(frozen=True, kw_only=True)
class Declared:
    """Addresses of what somebody named for a version; None: nobody did."""

    rows: str | None = None
    background: str | None = None
    dictionary: str | None = None
    rows_from: str = ""  # who names the table, as the start of "... names"; empty: nobody does
    background_from: str = ""
    dictionary_from: str = ""

    @property
    def addresses(self) -> tuple[str, str, str]:
        """Of rows, background and dictionary, as ``question_digest`` takes them."""
        return self.rows or "", self.background or "", self.dictionary or ""


NOTHING_DECLARED = Declared()


def declare(
    name: str, version_tags: Mapping[str, str], model_tags: Mapping[str, str], defaults: Sequence[DataDefault]
) -> Declared:
    """What a version is to be explained with, by its tags, its model's tags or the configuration.

    Rows, background and data dictionary are looked for each by itself. A tag on the version wins over one on the
    registered model, that over the configuration, where the first entry whose pattern fits and names one counts. An
    empty tag says nothing. Nothing is asked of a server: a scan does this for every version.

    Args:
        name: of the registered model.
        version_tags: of the version.
        model_tags: of the registered model.
        defaults: the entries ``[[data]]`` of the configuration, in their order.
    """
    fitting = [entry for entry in defaults if fnmatchcase(name, entry.models)]

    def first(tag: str, entries: Sequence[tuple[str | None, str]]) -> tuple[str | None, str]:
        tagged = [
            (version_tags.get(tag), f"the tag {tag} of the version"),
            (model_tags.get(tag), f"the tag {tag} of the registered model"),
        ]
        found = ((address.strip(), by) for address, by in (*tagged, *entries) if address and address.strip())
        return next(found, (None, ""))

    by = "the entry [[data]] for {!r} in the configuration".format
    rows, rows_from = first(layout.TAG_ROWS, [(entry.rows, by(entry.models)) for entry in fitting])
    background, background_from = first(
        layout.TAG_BACKGROUND, [(entry.background, by(entry.models)) for entry in fitting]
    )
    dictionary, dictionary_from = first(
        layout.TAG_DICTIONARY, [(entry.dictionary, by(entry.models)) for entry in fitting]
    )
    return Declared(
        rows=rows,
        background=background,
        rows_from=rows_from,
        background_from=background_from,
        dictionary=dictionary,
        dictionary_from=dictionary_from,
    )


def read_declared(client: MlflowClient, version: RegisteredVersion, defaults: Sequence[DataDefault]) -> Declared:
    """``declare`` for one version, with the tags it and its model have now.

    Raises:
        UsageError: the version is gone, or must not be read.
        TrackingError: the server does not answer.
    """
    with translated(f"reading the tags of {version.uri}"):
        version_tags = client.get_model_version(version.name, str(version.version)).tags
        model_tags = client.get_registered_model(version.name).tags
    return declare(version.name, version_tags, model_tags, defaults)
