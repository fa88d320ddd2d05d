"""What a policy takes for its own places, and how much it lets through. Real servers: tests/integration."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from interp_pipeline.errors import SourceRefusedError, UsageError
from interp_pipeline.tracking.server.registry import RegisteredVersion
from interp_pipeline.tracking.sources.final_location import final_location
from interp_pipeline.tracking.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from pathlib import Path

VERSION = RegisteredVersion(
    name="m", version=1, created_ms=1, source="models:/m-1", run_id="r", experiment_id="7", model_name="model"
)


class Server:
    """Answers as an MLflow client does, with locations that a test chooses."""

    def __init__(
        self, default: str, experiment: str = "", run: str = "", model: str = "", uri: str = "sqlite://"
    ) -> None:
        self.tracking_uri = uri
        self._experiments = {"0": default, "7": experiment}
        self._run = run
        self._model = model

    def get_experiment(self, experiment_id: str) -> Any:
        if not self._experiments[experiment_id]:
            msg = f"No Experiment with id={experiment_id} exists"
            raise MlflowException(msg, error_code=RESOURCE_DOES_NOT_EXIST)
        return SimpleNamespace(artifact_location=self._experiments[experiment_id])

    def get_run(self, _: str) -> Any:
        return SimpleNamespace(info=SimpleNamespace(artifact_uri=self._run, experiment_id="7"))

    def get_model_version_download_uri(self, *_: str) -> str:
        return self._model


def _server(default: str, **locations: str) -> Any:
    return cast("Any", Server(default, **locations))


@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("data/models", "depends on the folder"),
        ("s3://b/../c", "leaves the folder"),
        ("s3:///models", "has no bucket or host"),
        ("https:", "has no bucket or host"),
        ("models:/credit", "name the storage these files lie in"),
        ("runs:/1/x", "name the storage these files lie in"),
        ("https://me:secret@data.example/", "holds a login"),
    ],
)
def test_a_prefix_that_could_mean_anything_is_refused(prefix: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        SourcePolicy(prefixes=(prefix,))
    assert "secret" not in str(caught.value)


def test_limits_are_positive() -> None:
    with pytest.raises(UsageError, match="greater than 0"):
        SourcePolicy(max_files=0)


@pytest.mark.parametrize(
    ("default", "uri", "inside", "outside"),
    [
        ("s3://b/root/0", "http://x", "s3://b/root/7/models/m-1/artifacts", "s3://b/root-evil/7"),
        ("s3://b/0", "http://x", "s3://b/7/a", "s3://c/7/a"),
        ("mlflow-artifacts:/0", "http://x:5000", "mlflow-artifacts:/7/a", "mlflow-artifacts://evil:5000/7/a"),
        ("mlflow-artifacts:/0", "http://u:p@x:5000/p", "mlflow-artifacts://x:5000/7/a", "http://x:5000/7/a"),
        ("s3://b/root/0", "sqlite:///m.db", "s3://b/root/7/a", "mlflow-artifacts:/7/a"),
        ("gs://b/root/0", "http://x", "gs://b/root/7", "s3://b/root/7"),
    ],
)
def test_the_servers_own_place_is_known_by_its_first_experiment(
    default: str, uri: str, inside: str, outside: str
) -> None:
    assert SourcePolicy().check_model(_server(default, model=inside, uri=uri), VERSION) == inside
    with pytest.raises(SourceRefusedError, match=r"the files of models:/m/1 lie at .*add it to allow in \[sources\]"):
        SourcePolicy().check_model(_server(default, model=outside, uri=uri), VERSION)


@pytest.mark.parametrize("default", ["s3://b/root", "/0", "s3://b/../0", "relative/0"])
def test_a_first_experiment_that_does_not_tell_opens_nothing(default: str) -> None:
    for place in ("s3://b/root/7", "/7", "/etc", "s3://b/7"):
        with pytest.raises(SourceRefusedError):
            SourcePolicy().check_model(_server(default, model=place), VERSION)


def test_without_a_first_experiment_only_listed_places_are_open() -> None:
    server = _server("", model="s3://b/root/7")
    with pytest.raises(SourceRefusedError):
        SourcePolicy().check_model(server, VERSION)
    assert SourcePolicy(prefixes=("s3://b/root",)).check_model(server, VERSION) == "s3://b/root/7"


def test_a_table_comes_from_the_versions_own_experiment_or_a_listed_place() -> None:
    server = _server("s3://b/root/0", experiment="s3://b/root/7", run="s3://b/root/7/r/artifacts")
    policy = SourcePolicy(prefixes=("s3://tables/credit/",))
    for allowed in ("s3://tables/credit/a.csv", "s3://b/root/7/other/artifacts/t.csv"):
        assert policy.check_table(server, allowed, VERSION) == allowed
    for refused in ("s3://b/root/8/x.csv", "s3://b/root/77/x.csv", "s3://b/x.csv", "http://127.0.0.1/x.csv", "/etc/x"):
        with pytest.raises(SourceRefusedError, match="the table lies at"):
            policy.check_table(server, refused, VERSION)


def test_an_experiment_that_begins_above_the_others_does_not_open_them() -> None:
    server = _server("s3://b/root/0", experiment="s3://b/root", run="s3://b/root/r/artifacts")
    assert SourcePolicy().check_table(server, "s3://b/root/r/artifacts/t.csv", VERSION)
    with pytest.raises(SourceRefusedError, match="another experiment"):
        SourcePolicy().check_table(server, "s3://b/root/8/r/artifacts/t.csv", VERSION)


def test_a_run_whose_artifacts_lie_elsewhere_is_refused() -> None:
    with pytest.raises(
        SourceRefusedError, match=r"the artifacts of the run of models:/m/1 lie at http://10\.0\.0\.1/r, "
    ):
        SourcePolicy().check_run(_server("s3://b/root/0", run="http://me:secret@10.0.0.1/r?key=secret"), VERSION)
    SourcePolicy().check_run(_server("s3://b/root/0", run="s3://b/root/7/r/artifacts"), VERSION)


def test_an_address_that_leads_in_a_circle_ends() -> None:
    with pytest.raises(UsageError, match="leads from one model to the next"):
        final_location(_server("", model="models:/m/1"), "models:/m/1")
    with pytest.raises(SourceRefusedError, match=r"models:/m/1: .*leads from one model to the next"):
        SourcePolicy().check_model(_server("s3://b/0", model="models:/m/1"), VERSION)


@pytest.mark.parametrize("address", ["models:/m/Production", "models:/m", "models:/m@champion", "models://h/m/1"])
def test_a_model_that_changes_its_meaning_is_no_address(address: str) -> None:
    with pytest.raises(UsageError, match="names no model for good"):
        final_location(_server(""), address)


def test_a_folder_of_plain_files_within_the_limits_passes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_bytes(b"x" * 100)
    (tmp_path / "b").write_bytes(b"x" * 100)
    policy = SourcePolicy(max_bytes=200, max_files=4)
    policy.check_folder(tmp_path, "m")
    (tmp_path / "c").touch()
    with pytest.raises(SourceRefusedError, match=r"^m holds more than 4 files; raise max_files in \[sources\]"):
        policy.check_folder(tmp_path, "m")
    (tmp_path / "c").unlink()
    (tmp_path / "b").write_bytes(b"x" * 101)
    with pytest.raises(SourceRefusedError, match=r"^m is larger than .* GiB; raise max_gb in \[sources\]"):
        policy.check_folder(tmp_path, "m")


@pytest.mark.parametrize("kind", ["link", "dangling", "folder", "fifo"])
def test_anything_but_plain_files_is_refused_by_name(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "model" / "data"
    folder.mkdir(parents=True)
    if kind == "fifo":
        os.mkfifo(folder / "x")
    else:
        (folder / "x").symlink_to({"link": "/etc/passwd", "dangling": "/no/such", "folder": "/etc"}[kind])
    what = "neither file nor folder" if kind == "fifo" else "a symbolic link"
    with pytest.raises(SourceRefusedError, match=f"^m holds 'data/x', which is {what}: put a plain file in its place$"):
        SourcePolicy().check_folder(tmp_path / "model", "m")


class Storage:
    """A storage that lists what a test says."""

    def __init__(self, **entries: list[FileInfo]) -> None:
        self._entries = entries

    def list_artifacts(self, path: str) -> list[FileInfo]:
        return self._entries.get(path or "root", [])


def test_a_listing_counts_every_folder_once_and_ends() -> None:
    loop = Storage(
        root=[FileInfo("a", is_dir=True, file_size=None)],
        a=[FileInfo("a", is_dir=True, file_size=None), FileInfo("a/f", is_dir=False, file_size=60)],
    )
    SourcePolicy(max_bytes=60).check_listing(cast("Any", loop), "", "m")
    with pytest.raises(SourceRefusedError, match="is larger than"):
        SourcePolicy(max_bytes=59).check_listing(cast("Any", loop), "", "m")
    with pytest.raises(SourceRefusedError, match="more than 2 files"):
        SourcePolicy(max_files=2).check_listing(cast("Any", loop), "", "m")


def test_a_single_file_is_found_in_the_listing_of_its_folder() -> None:
    storage = Storage(
        root=[FileInfo("t.csv", is_dir=False, file_size=50), FileInfo("other", is_dir=False, file_size=5000)]
    )
    SourcePolicy().check_listing(cast("Any", storage), "t.csv", "t", 50)
    with pytest.raises(SourceRefusedError, match=r"raise max_table_gb in \[sources\]"):
        SourcePolicy().check_listing(cast("Any", storage), "t.csv", "t", 49)
