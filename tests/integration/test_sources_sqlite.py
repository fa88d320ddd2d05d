"""Who explains strangers' versions unattended reads only what lies with the server: on an embedded store."""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.zoo import REQUIRED, Zoo, measurements
from sklearn.tree import DecisionTreeRegressor

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, NoDataError, SourceRefusedError, UsageError
from interp_pipeline.progress import SilentProgress
from interp_pipeline.steps.explain import explain
from interp_pipeline.steps.fetch import Fetched, fetch
from interp_pipeline.tracking.declared_data import DataDefault, read_declared
from interp_pipeline.tracking.manifest import explanation_key, question_digest
from interp_pipeline.tracking.source_policy import SourcePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.loan_store import LoanStore
    from mlflow import MlflowClient

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements()
MODEL = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])
CONFIG = ExplainConfig(rows=5, methods=("shap",))


class Said(SilentProgress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


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
    """A web server that must not be asked, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by the base class
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def _name() -> str:
    return f"model {uuid.uuid4().hex[:8]}"


def _log(**options: Any) -> Any:
    import mlflow

    example = {"input_example": TABLE[NUMBERS].head(40)}
    chosen = {"serialization_format": "cloudpickle", **REQUIRED, **example, **options}
    return lambda name: mlflow.sklearn.log_model(MODEL, name="model", registered_model_name=name, **chosen)


def _files(client: MlflowClient, uri: str) -> Path:
    """The folder with a version's model files."""
    name, number = uri.removeprefix("models:/").split("/")
    return Path(client.get_model_version_download_uri(name, number).removeprefix("file://"))


def _fetch(client: MlflowClient, uri: str, folder: Path, **options: Any) -> Fetched:
    chosen: dict[str, Any] = {"data": None, "policy": SourcePolicy(), "progress": SilentProgress(), **options}
    place = folder / uuid.uuid4().hex
    place.mkdir()
    return fetch(client, uri, CONFIG, place, **chosen)


def _registered(client: MlflowClient, source: str, run_id: str | None = None) -> str:
    """A version as any client can register it."""
    name = _name()
    client.create_registered_model(name)
    client.create_model_version(name, source, run_id)
    return f"models:/{name}/1"


def test_a_version_that_lies_with_the_server_is_fetched(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(_name(), _log())
    fetched = _fetch(client, uri, tmp_path)
    assert fetched.model_path.is_relative_to(tmp_path)
    assert sorted(p.name for p in fetched.model_path.iterdir()) == sorted(p.name for p in _files(client, uri).iterdir())
    assert fetched.rows_source == "the input example logged with the model"
    unrestricted = _fetch(client, uri, tmp_path, policy=None)
    assert unrestricted.key == fetched.key
    pd.testing.assert_frame_equal(unrestricted.rows, fetched.rows)
    copied = client.copy_model_version(uri, _name())
    again = _fetch(client, f"models:/{copied.name}/1", tmp_path)
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
    name = _name()
    client.create_registered_model(name)
    if address.startswith("models:"):
        _insert_source(zoo, client, name, address)
    else:
        client.create_model_version(name, address)
    with pytest.raises(SourceRefusedError, match=f"models:/{name}/1") as caught:
        _fetch(client, f"models:/{name}/1", tmp_path)
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
    first = _registered(client, "file:///etc")
    second = _registered(client, first)
    with pytest.raises(SourceRefusedError, match="lie at file:///etc, where nothing may be read from unattended"):
        _fetch(client, second, tmp_path)
    experiment = client.create_experiment(_name(), str(zoo.folder / "elsewhere"))
    run = client.create_run(experiment)
    (zoo.folder / "elsewhere" / run.info.run_id / "artifacts" / "m").mkdir(parents=True)
    third = _registered(client, f"runs:/{run.info.run_id}/m")
    with pytest.raises(SourceRefusedError, match=f"{zoo.folder}/elsewhere"):
        _fetch(client, third, tmp_path)


def test_an_artifact_of_a_run_is_a_model_like_any_other(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(_name(), _log())
    run_id = client.get_model_version(uri.split("/")[1], "1").run_id
    assert run_id
    client.log_artifacts(run_id, str(_files(client, uri)), "plain")
    for source in (f"runs:/{run_id}/plain", f"runs:/{run_id}/model"):
        fetched = _fetch(client, _registered(client, source, run_id), tmp_path)
        assert (fetched.model_path / "MLmodel").is_file()


def test_an_experiment_elsewhere_is_refused_until_its_place_is_listed(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    import mlflow

    elsewhere = tmp_path / "elsewhere"
    experiment_id = client.create_experiment(_name(), str(elsewhere))
    mlflow.set_experiment(experiment_id=experiment_id)
    for run in (True, False):
        uri = zoo.register(_name(), _log(), run=run)
        with pytest.raises(SourceRefusedError, match=rf"artifacts of the run of {uri} lie at {elsewhere}") as caught:
            _fetch(client, uri, tmp_path)
        assert "add it to allow in [sources] of the configuration" in str(caught.value)
        for prefix in (str(elsewhere), f"{elsewhere}/", f"file://{elsewhere}"):
            assert _fetch(client, uri, tmp_path, policy=SourcePolicy(prefixes=(prefix,))).rows_source
        with pytest.raises(SourceRefusedError):
            _fetch(client, uri, tmp_path, policy=SourcePolicy(prefixes=(str(elsewhere)[:-1],)))


def test_a_data_set_elsewhere_is_passed_over_and_said(
    zoo: Zoo, client: MlflowClient, tmp_path: Path, listener: tuple[str, list[str]]
) -> None:
    from mlflow.data.http_dataset_source import HTTPDatasetSource
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.data.sources import LocalArtifactDatasetSource

    secret = tmp_path / "secret.csv"
    TABLE.to_csv(secret, index=False)
    sources = (LocalArtifactDatasetSource(str(secret)), HTTPDatasetSource(f"{listener[0]}/t.csv?key=hidden"))
    inputs = [(from_pandas(TABLE, source=source, name=f"d{n}"), "training") for n, source in enumerate(sources)]
    uri = zoo.register(_name(), _log(), *inputs)
    said = Said()
    fetched = _fetch(client, uri, tmp_path, progress=said)
    assert fetched.rows_source == "the input example logged with the model"
    told = " ".join(said.lines)
    assert f"cannot be read: the table lies at {secret}, where nothing may be read from unattended" in told
    assert f"the table lies at {listener[0]}/t.csv, where" in told
    assert "hidden" not in told
    assert listener[1] == []
    allowed = _fetch(client, uri, tmp_path, policy=SourcePolicy(prefixes=(str(tmp_path),)))
    assert allowed.rows_source == f"the data set 'd0' ({secret}) logged with the run"
    small = SourcePolicy(prefixes=(str(tmp_path),), max_table_bytes=1000)
    assert _fetch(client, uri, tmp_path, policy=small).rows_source == "the input example logged with the model"
    assert _fetch(client, uri, tmp_path, policy=None).rows_source == allowed.rows_source


def test_what_only_tags_or_the_configuration_name_must_lie_in_an_allowed_place(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    uri = zoo.register(name := _name(), _log())
    TABLE.to_parquet(tmp_path / "background.parquet")
    address = f"file://{tmp_path}/background.parquet"
    client.set_model_version_tag(name, "1", "interp.background", address)
    with pytest.raises(SourceRefusedError) as caught:
        _fetch(client, uri, tmp_path)
    says = (
        f"{uri}: the table that the tag interp.background of the version names ({address}) cannot be read: the table "
    )
    assert str(caught.value).startswith(f"{says}lies at {address}, where nothing may be read from unattended: ")
    policy = SourcePolicy(prefixes=(str(tmp_path),))
    fetched = _fetch(client, uri, tmp_path, policy=policy)
    drawn = f"100 of 160 rows of the table that the tag interp.background of the version names ({address}), drawn"
    assert fetched.background_source == drawn
    assert fetched.rows_source == "the input example logged with the model"

    link = tmp_path / "allowed" / "link.csv"
    link.parent.mkdir()
    link.symlink_to("/etc/passwd")
    (link.parent / "folder").mkdir()
    (link.parent / "folder" / "x.csv").symlink_to("/etc/passwd")
    for place, says in (
        (link, "lies at .*link.csv, which leads to /etc/passwd, where"),
        (link.parent / "folder", "'x.csv', which is a symbolic"),
    ):
        client.set_model_version_tag(name, "1", "interp.background", str(place))
        with pytest.raises(SourceRefusedError, match=says):
            _fetch(client, uri, tmp_path, policy=SourcePolicy(prefixes=(str(link.parent),)))
    client.set_model_version_tag(name, "1", "interp.background", str(tmp_path / "gone.csv"))
    with pytest.raises(UsageError, match=r"the tag interp.background of the version names .*gone.csv\) cannot be read"):
        _fetch(client, uri, tmp_path, policy=policy)


def test_the_order_is_tag_model_configuration_and_then_what_was_logged(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    run_tables = {"training/rows.parquet": TABLE[:30], "training/background.parquet": TABLE[30:70]}
    uri = zoo.register(name := _name(), _log())
    run_id = client.get_model_version(name, "1").run_id
    assert run_id
    for path, frame in run_tables.items():
        frame.to_parquet(tmp_path / Path(path).name)
        client.log_artifact(run_id, str(tmp_path / Path(path).name), "training")
    logged = _fetch(client, uri, tmp_path)
    assert logged.rows_source == "the rows logged with the run"
    assert logged.background_source == "the background data logged with the run"

    for number in range(3):
        TABLE[: 50 + number].to_csv(tmp_path / f"{number}.csv", index=False)
    policy = SourcePolicy(prefixes=(str(tmp_path),))
    default = DataDefault(models="model *", background=str(tmp_path / "0.csv"))
    configured = _fetch(client, uri, tmp_path, policy=policy, defaults=(default,))
    assert len(configured.background) == 50
    assert configured.rows_source == "the rows logged with the run"
    assert (
        f"the entry [[data]] for 'model *' in the configuration names ({tmp_path}/0.csv)"
        in configured.background_source
    )
    client.set_registered_model_tag(name, "interp.background", str(tmp_path / "1.csv"))
    assert len(_fetch(client, uri, tmp_path, policy=policy, defaults=(default,)).background) == 51
    client.set_model_version_tag(name, "1", "interp.background", str(tmp_path / "2.csv"))
    tagged = _fetch(client, uri, tmp_path, policy=policy, defaults=(default,))
    assert len(tagged.background) == 52
    by_hand = _fetch(client, uri, tmp_path, policy=policy, defaults=(default,), background=TABLE[:60])
    assert by_hand.background_source == "the given frame"
    assert len({each.key for each in (logged, configured, tagged, by_hand)}) == 4


def test_what_was_logged_for_training_is_measured_before_it_is_read(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    uri = zoo.register(name := _name(), _log())
    run_id = client.get_model_version(name, "1").run_id
    assert run_id
    pd.DataFrame(0.0, index=range(100_000), columns=NUMBERS).to_parquet(tmp_path / "rows.parquet")
    client.log_artifact(run_id, str(tmp_path / "rows.parquet"), "training")
    assert _fetch(client, uri, tmp_path).rows_source == "the rows logged with the run"
    with pytest.raises(SourceRefusedError, match=r"training/rows\.parquet in its run is larger than .* in memory"):
        _fetch(client, uri, tmp_path, policy=SourcePolicy(max_table_bytes=2_000_000))
    with pytest.raises(SourceRefusedError, match=f"training/ in the run of {uri} is larger than"):
        _fetch(client, uri, tmp_path, policy=SourcePolicy(max_table_bytes=1000))
    artifacts = Path(client.get_run(run_id).info.artifact_uri)
    (artifacts / "training" / "rows.parquet").unlink()
    (artifacts / "training" / "rows.parquet").symlink_to(tmp_path / "rows.parquet")
    with pytest.raises(SourceRefusedError, match=r"holds 'rows\.parquet', which is a symbolic link"):
        _fetch(client, uri, tmp_path)


def test_the_key_is_known_before_anything_is_read(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(_name(), _log())
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    default = DataDefault(models="*", background=str(tmp_path / "t.csv"))
    fetched = _fetch(client, uri, tmp_path, policy=None, defaults=(default,))
    declared = read_declared(client, fetched.version, (default,))
    question = question_digest(fetched.version.source, CONFIG, declared.rows or "", declared.background or "")
    assert fetched.key == explanation_key(fetched.version.identity, question)
    one, two = (
        _fetch(client, uri, tmp_path, policy=None, data=pd.concat([TABLE[:5], rest]))
        for rest in (TABLE[5:60], TABLE[60:120])
    )
    assert len({fetched.key, one.key, two.key}) == 3  # what stands for "unknown" is drawn from what was given


def test_one_table_for_both_is_kept_apart(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(name := _name(), _log())
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    for tag in ("interp.rows", "interp.background"):
        client.set_model_version_tag(name, "1", tag, str(tmp_path / "t.csv"))
    fetched = _fetch(client, uri, tmp_path, policy=None)
    assert set(fetched.rows.index).isdisjoint(fetched.background.index)
    assert fetched.background_source.endswith("drawn, none of them explained")


def test_a_foreign_model_is_explained_against_the_background_its_tag_names(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    uri = zoo.register(name := _name(), _log())
    TABLE[:60].to_csv(tmp_path / "background.csv", index=False)
    client.set_model_version_tag(name, "1", "interp.background", str(tmp_path / "background.csv"))
    explained = explain(uri, CONFIG, publishing=False, tracking_uri=zoo.uri)
    assert explained.shap is not None
    expected = MODEL.predict(TABLE[:60][NUMBERS]).mean()
    np.testing.assert_allclose(explained.shap.base_values, expected, rtol=1e-12)


def test_an_own_version_is_explained_against_what_its_tag_names(loan_store: LoanStore, tmp_path: Path) -> None:
    from interp_pipeline.tracking.session import connect

    client = connect(loan_store.uri)
    uri = loan_store.train("loans-tagged")
    plain = _fetch(client, uri, tmp_path)
    assert plain.rows_are_logged
    client.set_model_version_tag("loans-tagged", "1", "interp.rows", str(loan_store.table))
    fetched = _fetch(client, uri, tmp_path, policy=None)
    assert not fetched.rows_are_logged
    assert fetched.outcomes is None
    assert fetched.rows_source == f"the table that the tag interp.rows of the version names ({loan_store.table})"
    assert fetched.background_source == plain.background_source
    assert fetched.key != plain.key
    with pytest.raises(SourceRefusedError):
        _fetch(client, uri, tmp_path)


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
    uri = zoo.register(_name(), _log())
    harm(_files(client, uri))
    with pytest.raises(SourceRefusedError, match=f"^{uri} {says}"):
        _fetch(client, uri, tmp_path, policy=SourcePolicy(max_files=40, max_bytes=2_000_000))
    assert list(tmp_path.glob("*/*")) == []


def test_a_folder_whose_files_were_deleted_is_gone_not_refused(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    import shutil

    uri = zoo.register(_name(), _log())
    shutil.rmtree(_files(client, uri))
    with pytest.raises(ModelError, match=r"its model files .* were deleted") as caught:
        _fetch(client, uri, tmp_path)
    assert not isinstance(caught.value, SourceRefusedError)


def test_an_input_example_that_cannot_be_used_is_said(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(_name(), _log())
    folder = _files(client, uri)
    text = (folder / "MLmodel").read_text()
    (tmp_path / "secret.json").write_text((folder / "input_example.json").read_text())
    outside = os.path.relpath(tmp_path / "secret.json", folder)
    (folder / "MLmodel").write_text(text.replace("artifact_path: input_example.json", f"artifact_path: {outside}"))
    for policy in (SourcePolicy(), None):
        with pytest.raises(NoDataError, match="its input example is not among its files"), contextlib.chdir(tmp_path):
            _fetch(client, uri, tmp_path, policy=policy)
