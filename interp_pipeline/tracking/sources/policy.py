"""What may be read for a version by who works unattended, with credentials, for whoever registers models.

MLflow lets a client name any place as a version's source, as an experiment's artifact location, as a data set's
source. Read are only the tracking server's own artifacts and the places its operator lists, and of these no
symbolic links, and no more than the limits allow.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from interp_pipeline.addresses import shown_address
from interp_pipeline.errors import SourceRefusedError, UsageError
from interp_pipeline.tracking.server.translate_errors import translated
from interp_pipeline.tracking.sources.address import LOCAL, Address, read_address
from interp_pipeline.tracking.sources.final_location import location_of_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow import MlflowClient
    from mlflow.entities import FileInfo
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

    from interp_pipeline.tracking.server.registry import RegisteredVersion

__all__ = ["SourcePolicy"]

_DEFAULT_EXPERIMENT = "0"  # made by the server itself, in its own artifact root; no client says where it lies
_GIB = 2**30  # what [sources] calls a GB
_ADVICE = (
    "if it may be read for whoever registers models, add it to allow in [sources] of the worker's configuration, "
    "start the worker again, and then: interp reconcile --retry failed --retry skipped"
)


@dataclass(frozen=True, kw_only=True)
class SourcePolicy:
    """Where files may come from, and how many.

    Attributes:
        prefixes: addresses of folders and files outside the server's own artifacts that may be read.
        max_bytes: of the files of one model together.
        max_files: of one model, with its folders.
        max_table_bytes: of one table, as it lies there and as it is in memory; of a folder of its run likewise.
    """

    prefixes: tuple[str, ...] = ()
    max_bytes: int = 4 * _GIB
    max_files: int = 10_000
    max_table_bytes: int = _GIB

    def __post_init__(self) -> None:
        """Refuse prefixes that are none.

        Raises:
            UsageError: one cannot be understood, names no bucket or host, or a limit is not positive.
        """
        for prefix in self.prefixes:
            try:
                why = _unfit(read_address(prefix))
            except ValueError as error:
                why = f"an address that {error}"
            if why:
                msg = f"allow in [sources] names {shown_address(prefix)!r}, {why}"
                raise UsageError(msg)
        if min(self.max_bytes, self.max_files, self.max_table_bytes) < 1:
            msg = "the limits in [sources] must be greater than 0"
            raise UsageError(msg)

    def check_run(self, client: MlflowClient, version: RegisteredVersion) -> None:
        """Refuse a version whose run keeps its artifacts elsewhere: there they would be read, and written.

        To be asked before anything is read from or written to the run. Of a version without a run the experiment
        counts in which its explanation would get one.

        Raises:
            SourceRefusedError: they lie elsewhere.
            TrackingError: the server does not answer.
        """
        with translated(f"reading where the artifacts of {version.uri} lie"):
            if version.run_id:
                location = str(client.get_run(version.run_id).info.artifact_uri)
            else:
                location = str(client.get_experiment(version.experiment_id).artifact_location)
        self._require(client, location, f"the artifacts of the run of {version.uri} lie at")

    def check_model(self, client: MlflowClient, version: RegisteredVersion) -> str:
        """Refuse a version whose files lie elsewhere, whatever it names on the way there.

        Returns:
            Address of the folder with its files: what was checked, and therefore what is to be read.

        Raises:
            SourceRefusedError: they lie elsewhere, or where they lie is not clear.
            MlflowException: the version or its logged model is gone, or the server does not answer.
        """
        try:
            location = location_of_version(client, version)
        except UsageError as error:
            msg = f"{version.uri}: {error}"
            raise SourceRefusedError(msg) from error
        return self._require(client, location, f"the files of {version.uri} lie at")

    def check_table(self, client: MlflowClient, location: str, version: RegisteredVersion) -> str:
        """Refuse a table that lies elsewhere, or among the server's artifacts in another experiment.

        Its rows become part of an explanation, which whoever may read the version's experiment can read; the rows
        of another experiment they may be unable to.

        Args:
            client: the connection.
            location: an address of a storage, as ``final_location`` gives it.
            version: the version the table is for.

        Returns:
            The address that was checked and is to be read.

        Raises:
            SourceRefusedError: it lies elsewhere.
            TrackingError: the server does not answer.
        """
        place = self._place(location, "the table lies at")
        if any(prefix.holds(place) for prefix in self._listed()):
            return place.address
        self._require(client, location, "the table lies at")
        with translated(f"reading where the artifacts of {version.uri} lie"):
            locations = [str(client.get_experiment(version.experiment_id).artifact_location)]
            if version.run_id:
                locations.append(str(client.get_run(version.run_id).info.artifact_uri))
        experiment, *run = (self._place(each, f"the artifacts of {version.uri} lie at") for each in locations)
        # A client may have let its experiment begin above all others; such a one has no folder of its own.
        folders = [experiment, *run] if experiment.parts[-1:] == (version.experiment_id,) else run
        if not any(folder.holds(place) for folder in folders):
            msg = (
                f"the table lies at {shown_address(place.address)}, among the artifacts of another experiment than the "
                f"version's: log it there, or, {_ADVICE}"
            )
            raise SourceRefusedError(msg)
        return place.address

    def check_folder(self, path: Path, what: str, max_bytes: int | None = None) -> None:
        """Refuse a local folder or file that holds more than the limits allow, or anything but plain files.

        Raises:
            SourceRefusedError: it does.
        """
        self._check_sizes(_found(path, what), what, max_bytes)

    def check_listing(self, repository: ArtifactRepository, path: str, what: str, max_bytes: int | None = None) -> None:
        """Refuse a folder or file of a storage that holds more than the limits allow, before it is fetched.

        Raises:
            SourceRefusedError: it does.
        """
        self._check_sizes(_listed(repository, path), what, max_bytes)

    def check_run_folder(self, client: MlflowClient, version: RegisteredVersion, folder: str) -> None:
        """Refuse a folder among the artifacts of a version's run that is too large to be read into memory.

        Raises:
            SourceRefusedError: it is.
            TrackingError: the server or storage does not answer.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if not version.run_id:
            return
        what = f"{folder}/ in the run of {version.uri}"
        with translated(f"listing {what}"):
            location = str(client.get_run(version.run_id).info.artifact_uri)
            place = self._place(location, f"the artifacts of the run of {version.uri} lie at")
            if place.path is not None:
                local = place.path / folder
                if local.is_symlink() or local.exists():
                    self.check_folder(local, what, self.max_table_bytes)
                return
            repository = get_artifact_repository(place.address, tracking_uri=client.tracking_uri)
            self.check_listing(repository, folder, what, self.max_table_bytes)

    def _require(self, client: MlflowClient, location: str, what: str) -> str:
        place = self._place(location, what)
        allowed = self._listed()
        with translated("reading where the server's own artifacts lie"):
            allowed += _own(client)
        if not any(each.holds(place) for each in allowed):
            led = f", which leads to {place.path}" if place.path and str(place.path) not in location else ""
            msg = f"{what} {shown_address(location)}{led}, where nothing may be read from unattended: {_ADVICE}"
            raise SourceRefusedError(msg)
        return place.address

    def _place(self, location: str, what: str) -> Address:
        try:
            return read_address(location).real()
        except (ValueError, OSError, RuntimeError) as error:  # the last: symbolic links in a circle
            msg = f"{what} {shown_address(location)}, an address that {error}: name the place directly"
            raise SourceRefusedError(msg) from error

    def _listed(self) -> list[Address]:
        return [read_address(prefix).real() for prefix in self.prefixes]

    def _check_sizes(self, sizes: Iterator[int], what: str, max_bytes: int | None) -> None:
        most = self.max_bytes if max_bytes is None else max_bytes
        option = "max_gb" if max_bytes is None else "max_table_gb"
        total = 0
        for count, size in enumerate(sizes, start=1):
            total += size
            if count > self.max_files:
                msg = f"{what} holds more than {self.max_files:,} files; raise max_files in [sources], or log fewer"
                raise SourceRefusedError(msg)
            if total > most:
                msg = f"{what} is larger than {most / _GIB:.3g} GiB; raise {option} in [sources], or log less"
                raise SourceRefusedError(msg)


def _unfit(prefix: Address) -> str:
    """Why an address opens no place, or another than it seems to; empty: it does."""
    if prefix.scheme in {"models", "runs"}:
        return "which names no place: name the storage these files lie in"
    if not prefix.authority and prefix.scheme not in {LOCAL, "mlflow-artifacts", "dbfs"}:
        return "which has no bucket or host"
    if "@" in prefix.authority and prefix.scheme in {"http", "https"}:
        return "which holds a login, and no address that does is read"
    return ""


def _own(client: MlflowClient) -> list[Address]:
    """Places of the tracking server's own artifacts."""
    from mlflow.exceptions import MlflowException

    own: list[Address] = []
    server = urlsplit(client.tracking_uri)
    if server.scheme in {"http", "https"}:  # which passes its artifacts on itself, and checks who may have them
        hosts = ("", server.netloc.rpartition("@")[2].lower())
        own += [Address(scheme="mlflow-artifacts", authority=host, parts=(), address="") for host in hosts]
    try:
        location = str(client.get_experiment(_DEFAULT_EXPERIMENT).artifact_location)
        default = read_address(location).real()
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return own  # it was deleted for good: no other experiment tells as surely where the server puts its own
    except ValueError:
        return own
    if default.parts[-1:] == (_DEFAULT_EXPERIMENT,) and (default.authority or len(default.parts) > 1):
        own.append(default.parent())
    return own


def _found(path: Path, what: str) -> Iterator[int]:
    """Sizes of all files and folders of a local folder, or of the one file that it is."""
    folders = [path]
    while folders:
        here = folders.pop()
        mode = here.lstat()
        if stat.S_ISDIR(mode.st_mode):
            folders.extend(here.iterdir())
            yield 0
        elif stat.S_ISREG(mode.st_mode):
            yield mode.st_size
        else:
            name = ascii(str(here.relative_to(path)))
            kind = "a symbolic link" if stat.S_ISLNK(mode.st_mode) else "neither file nor folder"
            msg = f"{what} holds {name}, which is {kind}: put a plain file in its place"
            raise SourceRefusedError(msg)


def _listed(repository: ArtifactRepository, path: str) -> Iterator[int]:
    """Sizes of all files and folders below a path of a storage, or of the one file that it is."""
    seen = {path}
    folders = [path]
    while folders:
        here = folders.pop()
        entries: list[FileInfo] = repository.list_artifacts(here)
        if here == path and not entries:
            around = repository.list_artifacts(path.rpartition("/")[0])
            yield from (entry.file_size or 0 for entry in around if entry.path == path)
        for entry in entries:
            if entry.is_dir and entry.path not in seen:  # some storages list a folder as part of itself
                seen.add(entry.path)
                folders.append(entry.path)
            yield entry.file_size or 0
