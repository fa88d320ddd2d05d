"""Who explains strangers' versions unattended reads only what lies with the server: on an embedded store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from harness.strangers import (
    fetch_version,
    listening,
    log_model,
    model_files,
    new_name,
    registered,
)
from harness.zoo import Zoo

from interp_pipeline.errors import ModelError, SourceRefusedError
from interp_pipeline.tracking.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlflow import MlflowClient


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """A store whose artifacts are reached over a symbolic link, as where disks were moved."""
    folder, disk = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("disk")
    (folder / "mlruns").symlink_to(disk)
    return Zoo(folder)


@pytest.fixture
def client(zoo: Zoo) -> MlflowClient:
    import mlflow

    mlflow.set_tracking_uri(zoo.uri)
    return mlflow.MlflowClient()


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """A web server that must not be asked."""
    with listening() as address_and_asked:
        yield address_and_asked


def test_a_version_that_lies_with_the_server_is_fetched(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(new_name(), log_model())
    fetched = fetch_version(client, uri, tmp_path)
    assert fetched.model_path.is_relative_to(tmp_path)
    logged = {path.name for path in model_files(client, uri).iterdir()}
    assert {path.name for path in fetched.model_path.iterdir()} == logged
    assert fetched.rows_source == "the input example logged with the model"
    unrestricted = fetch_version(client, uri, tmp_path, policy=None)
    assert unrestricted.key == fetched.key
    pd.testing.assert_frame_equal(unrestricted.rows, fetched.rows)
    copied = client.copy_model_version(uri, new_name())
    again = fetch_version(client, f"models:/{copied.name}/1", tmp_path)
    pd.testing.assert_frame_equal(again.background, fetched.background)


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc",
        "/etc",
        "FILE:///etc",
        "file://localhost/etc",
        "{root}/../secret",
        "{root}/%2e%2e/secret",
        "{root}-evil/7",
        "file:{root}/%2e%2e%2fsecret",
        "s3://other-bucket/models/a",
        "S3://other-bucket/models/a",
        "http://127.0.0.1:{port}/model",
        "mlflow-artifacts://127.0.0.1:{port}/model",
        "mlflow-artifacts:/1/model",
        "ftp://127.0.0.1:{port}/model",
        "models:/nobody@champion",
    ],
)
def test_a_version_that_lies_elsewhere_is_refused_unread(
    zoo: Zoo, client: MlflowClient, tmp_path: Path, listener: tuple[str, list[str]], source: str
) -> None:
    (zoo.folder / "secret").mkdir(exist_ok=True)
    (zoo.folder / "secret" / "MLmodel").write_text("flavors: {}")
    address = source.format(root=zoo.folder / "mlruns", port=listener[0].rpartition(":")[2])
    name = new_name()
    client.create_registered_model(name)
    if address.startswith("models:"):
        _insert_source(zoo, client, name, address)
    else:
        client.create_model_version(name, address)
    with pytest.raises(SourceRefusedError, match=f"models:/{name}/1") as caught:
        fetch_version(client, f"models:/{name}/1", tmp_path)
    assert "\n" not in str(caught.value)
    assert listener[1] == []
    assert list(tmp_path.glob("*/*")) == []


def _insert_source(zoo: Zoo, client: MlflowClient, name: str, address: str) -> None:
    """A source that MLflow would follow at once, as an older or another client left it in the database."""
    import sqlalchemy

    client.create_model_version(name, "file:///etc")
    engine = sqlalchemy.create_engine(zoo.uri)
    with engine.begin() as connection:
        statement = "UPDATE model_versions SET source = :s, storage_location = :s WHERE name = :n"
        connection.execute(sqlalchemy.text(statement), {"s": address, "n": name})
    engine.dispose()


def test_a_version_of_a_version_or_run_that_lies_elsewhere_is_refused(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    first = registered(client, "file:///etc")
    second = registered(client, first)
    with pytest.raises(SourceRefusedError, match="lie at file:///etc, where nothing may be read from unattended"):
        fetch_version(client, second, tmp_path)
    experiment = client.create_experiment(new_name(), str(zoo.folder / "elsewhere"))
    run = client.create_run(experiment)
    (zoo.folder / "elsewhere" / run.info.run_id / "artifacts" / "m").mkdir(parents=True)
    third = registered(client, f"runs:/{run.info.run_id}/m")
    with pytest.raises(SourceRefusedError, match=f"{zoo.folder}/elsewhere"):
        fetch_version(client, third, tmp_path)


def test_an_artifact_of_a_run_is_a_model_like_any_other(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(new_name(), log_model())
    run_id = client.get_model_version(uri.split("/")[1], "1").run_id
    assert run_id
    client.log_artifacts(run_id, str(model_files(client, uri)), "plain")
    for source in (f"runs:/{run_id}/plain", f"runs:/{run_id}/model"):
        fetched = fetch_version(client, registered(client, source, run_id), tmp_path)
        assert (fetched.model_path / "MLmodel").is_file()


def test_an_experiment_elsewhere_is_refused_until_its_place_is_listed(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    import mlflow

    elsewhere = tmp_path / "elsewhere"
    experiment_id = client.create_experiment(new_name(), str(elsewhere))
    mlflow.set_experiment(experiment_id=experiment_id)
    for run in (True, False):
        uri = zoo.register(new_name(), log_model(), run=run)
        with pytest.raises(SourceRefusedError, match=rf"artifacts of the run of {uri} lie at {elsewhere}") as caught:
            fetch_version(client, uri, tmp_path)
        assert "add it to allow in [sources] of the worker's configuration" in str(caught.value)
        for prefix in (str(elsewhere), f"{elsewhere}/", f"file://{elsewhere}"):
            assert fetch_version(client, uri, tmp_path, policy=SourcePolicy(prefixes=(prefix,))).rows_source
        with pytest.raises(SourceRefusedError):
            fetch_version(client, uri, tmp_path, policy=SourcePolicy(prefixes=(str(elsewhere)[:-1],)))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (lambda folder: (folder / "x").symlink_to("/etc/passwd"), "holds 'x', which is a symbolic link"),
        (lambda folder: (folder / "x").symlink_to("/etc"), "holds 'x', which is a symbolic link"),
        (lambda folder: (folder / "x").symlink_to(folder / "MLmodel"), "holds 'x', which is a symbolic link"),
        (lambda folder: os.mkfifo(folder / "x"), "holds 'x', which is neither file nor folder"),
        (lambda folder: [(folder / str(n)).touch() for n in range(40)], "holds more than 40 files"),
        (lambda folder: os.truncate(folder / "python_env.yaml", 3_000_000), "is larger than .* GiB; raise max_gb"),
    ],
)
def test_a_folder_that_holds_more_than_a_model_is_refused(
    zoo: Zoo, client: MlflowClient, tmp_path: Path, harm: Any, says: str
) -> None:
    uri = zoo.register(new_name(), log_model())
    harm(model_files(client, uri))
    with pytest.raises(SourceRefusedError, match=f"^{uri} {says}"):
        fetch_version(client, uri, tmp_path, policy=SourcePolicy(max_files=40, max_bytes=2_000_000))
    assert list(tmp_path.glob("*/*")) == []


def test_a_folder_whose_files_were_deleted_is_gone_not_refused(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    import shutil

    uri = zoo.register(new_name(), log_model())
    shutil.rmtree(model_files(client, uri))
    with pytest.raises(ModelError, match=r"its model files .* were deleted") as caught:
        fetch_version(client, uri, tmp_path)
    assert not isinstance(caught.value, SourceRefusedError)
