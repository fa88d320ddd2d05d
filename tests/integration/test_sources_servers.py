"""Who explains strangers' versions unattended reads only what lies with the server: real servers, artifacts in S3."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from harness.strangers import TABLE, fetch_version, log_model, new_name, registered
from harness.zoo import Zoo

from interp_pipeline.errors import SourceRefusedError
from interp_pipeline.tracking.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from pathlib import Path

    from harness.s3 import S3Server
    from mlflow import MlflowClient

    from interp_pipeline.stages.fetch import Fetched

pytestmark = pytest.mark.xdist_group("servers")


@dataclass(frozen=True, kw_only=True)
class Place:
    """An MLflow server, as a worker sees it."""

    zoo: Zoo
    client: MlflowClient
    s3: S3Server
    root: str  # of the server's own artifacts

    def register(self, *inputs: Any, experiment_id: str = "0") -> str:
        """A model as its owner logs and registers it."""
        import mlflow

        mlflow.set_experiment(experiment_id=experiment_id)
        return self.zoo.register(new_name(), log_model(), *inputs)

    def tag(self, uri: str, address: str) -> None:
        """Declare the background of a version."""
        self.client.set_model_version_tag(uri.split("/")[1], "1", "interp.background", address)

    def put(self, key: str, content: bytes = b"") -> str:
        """Write an object past the server."""
        self.s3.client.put_object(Bucket=self.s3.bucket, Key=key, Body=content)
        return f"s3://{self.s3.bucket}/{key}"

    def fetch(self, uri: str, folder: Path, **options: Any) -> Fetched:
        """What a worker fetches."""
        return fetch_version(self.client, uri, folder, **options)


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


@pytest.fixture(params=["proxied", "direct"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, s3_process: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """A server that passes artifacts on, and one whose clients go to S3 themselves."""
    import mlflow

    zoo = Zoo(tmp_path)
    zoo.uri = request.getfixturevalue(f"{'proxying' if request.param == 'proxied' else 'direct'}_server")
    if request.param == "direct":
        for name, value in s3_process.environment.items():
            monkeypatch.setenv(name, value)
    mlflow.set_tracking_uri(zoo.uri)
    client = mlflow.MlflowClient()
    return Place(zoo=zoo, client=client, s3=s3_process, root=f"s3://{s3_process.bucket}/{request.param}")


def test_what_lies_with_the_server_is_fetched(place: Place, tmp_path: Path) -> None:
    uri = place.register()
    fetched = place.fetch(uri, tmp_path)
    assert (fetched.model_path / "MLmodel").is_file()
    assert fetched.rows_source == "the input example logged with the model"
    unrestricted = place.fetch(uri, tmp_path, policy=None)
    files = {path.name for path in unrestricted.model_path.iterdir()} - {"registered_model_meta"}
    assert {path.name for path in fetched.model_path.iterdir()} == files
    assert fetched.key == unrestricted.key
    pd.testing.assert_frame_equal(fetched.background, unrestricted.background)


@pytest.mark.parametrize(
    "source",
    ["s3://other-bucket/model", "{root}-evil/1/models/m-1", "wasbs://models@other/model", "gs://other/model"],
)  # over http and from its own disks the server lets nobody register
def test_what_lies_elsewhere_is_refused(place: Place, tmp_path: Path, source: str) -> None:
    first = registered(place.client, source.format(root=place.root))
    for uri in (first, registered(place.client, first)):
        with pytest.raises(SourceRefusedError, match=f"the files of {uri} lie at .* add it to allow in"):
            place.fetch(uri, tmp_path)


def test_a_listed_place_is_read_with_the_workers_own_credentials(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.s3.environment.items():
        monkeypatch.setenv(name, value)
    model = place.fetch(place.register(), tmp_path).model_path
    for path in model.iterdir():
        place.put(f"listed/model/{path.name}", path.read_bytes())
    uri = registered(place.client, f"s3://{place.s3.bucket}/listed/model")
    with pytest.raises(SourceRefusedError):
        place.fetch(uri, tmp_path)
    allowed = SourcePolicy(prefixes=(f"s3://{place.s3.bucket}/listed",))
    assert place.fetch(uri, tmp_path, policy=allowed).rows_source == "the input example logged with the model"


def test_an_experiment_whose_artifacts_lie_elsewhere_is_refused(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.s3.environment.items():
        monkeypatch.setenv(name, value)
    elsewhere = f"s3://{place.s3.bucket}/elsewhere"
    uri = place.register(experiment_id=place.client.create_experiment(new_name(), elsewhere))
    with pytest.raises(SourceRefusedError, match=f"the artifacts of the run of {uri} lie at {elsewhere}/"):
        place.fetch(uri, tmp_path)
    assert place.fetch(uri, tmp_path, policy=SourcePolicy(prefixes=(elsewhere,)))


def test_a_table_among_the_artifacts_of_the_same_experiment_is_read(place: Place, tmp_path: Path) -> None:
    experiment_id = place.client.create_experiment(new_name())
    uri = place.register(experiment_id=experiment_id)
    beside = place.client.create_run(experiment_id).info.run_id
    TABLE[:60].to_parquet(tmp_path / "background.parquet")
    TABLE[60:100].to_csv(tmp_path / "more.csv", index=False)
    for file, folder in (("background.parquet", "data"), ("background.parquet", "folder"), ("more.csv", "folder")):
        place.client.log_artifact(beside, str(tmp_path / file), folder)
    for path, rows in (("data/background.parquet", 60), ("folder", 100)):
        place.tag(uri, f"runs:/{beside}/{path}")
        for policy in (SourcePolicy(), None):
            fetched = place.fetch(uri, tmp_path, policy=policy)
            assert len(fetched.background) == rows
            assert fetched.background_source.startswith("the table that the tag interp.background of the version names")
    with pytest.raises(SourceRefusedError, match="is larger than"):
        place.fetch(uri, tmp_path, policy=SourcePolicy(max_table_bytes=1000))


def test_a_table_of_another_experiment_is_refused(place: Place, tmp_path: Path) -> None:
    uri = place.register(experiment_id=place.client.create_experiment(new_name()))
    other = place.client.create_run(place.client.create_experiment(new_name())).info.run_id
    TABLE.to_parquet(tmp_path / "secret.parquet")
    place.client.log_artifact(other, str(tmp_path / "secret.parquet"))
    place.tag(uri, f"runs:/{other}/secret.parquet")
    with pytest.raises(SourceRefusedError, match="among the artifacts of another experiment than the version's"):
        place.fetch(uri, tmp_path)
    location = place.client.get_run(other).info.artifact_uri
    assert len(place.fetch(uri, tmp_path, policy=SourcePolicy(prefixes=(location,))).background) == 100


def test_a_table_in_a_listed_place_is_read_and_one_beside_it_is_not(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.data.sources import LocalArtifactDatasetSource

    for name, value in place.s3.environment.items():
        monkeypatch.setenv(name, value)
    listed = place.put("tables/credit/background.parquet", _parquet(TABLE[:70]))
    beside = place.put("tables/credit-secret/background.parquet", _parquet(TABLE))
    policy = SourcePolicy(prefixes=(f"s3://{place.s3.bucket}/tables/credit/",))
    secret = tmp_path / "secret.csv"
    TABLE.to_csv(secret, index=False)
    uri = place.register((from_pandas(TABLE, source=LocalArtifactDatasetSource(str(secret))), "training"))
    place.tag(uri, listed)
    fetched = place.fetch(uri, tmp_path, policy=policy)
    assert len(fetched.background) == 70
    assert fetched.rows_source == "the input example logged with the model"
    place.tag(uri, beside)
    with pytest.raises(SourceRefusedError, match=f"the table lies at {beside}, where nothing may be read"):
        place.fetch(uri, tmp_path, policy=policy)


def test_a_model_beyond_the_limits_is_refused_before_it_is_downloaded(place: Place, tmp_path: Path) -> None:
    uri = place.register()
    for policy, says in (
        (SourcePolicy(max_files=3), "holds more than 3 files"),
        (SourcePolicy(max_bytes=1000), "is larger than"),
    ):
        with pytest.raises(SourceRefusedError, match=f"^{uri} {says}"):
            place.fetch(uri, tmp_path, policy=policy)
    assert list(tmp_path.glob("*/MLmodel")) == []


def test_a_folder_of_training_data_beyond_the_limit_is_refused(place: Place, tmp_path: Path) -> None:
    uri = place.register()
    run_id = place.client.get_model_version(uri.split("/")[1], "1").run_id
    assert run_id
    TABLE.to_parquet(tmp_path / "rows.parquet")
    place.client.log_artifact(run_id, str(tmp_path / "rows.parquet"), "training")
    assert place.fetch(uri, tmp_path).rows_source == "the rows logged with the run"
    with pytest.raises(SourceRefusedError, match=f"^training/ in the run of {uri} is larger than"):
        place.fetch(uri, tmp_path, policy=SourcePolicy(max_table_bytes=5000))
