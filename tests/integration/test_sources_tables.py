"""Rows and background come from where somebody said, if that may be read, and else from what was logged."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from harness.strangers import (
    CONFIG,
    MODEL,
    NUMBERS,
    TABLE,
    Said,
    fetch_version,
    listening,
    log_model,
    model_files,
    new_name,
)
from harness.zoo import Zoo

from interp_pipeline.errors import NoDataError, SourceRefusedError, UsageError
from interp_pipeline.steps.explain import explain
from interp_pipeline.tracking.runs.manifest import explanation_key, question_digest
from interp_pipeline.tracking.server.session import connect
from interp_pipeline.tracking.sources.declared_data import DataDefault, read_declared
from interp_pipeline.tracking.sources.policy import SourcePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.loan_store import LoanStore
    from mlflow import MlflowClient


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """An embedded store."""
    return Zoo(tmp_path_factory.mktemp("tables"))


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
    uri = zoo.register(new_name(), log_model(), *inputs)
    said = Said()
    fetched = fetch_version(client, uri, tmp_path, progress=said)
    assert fetched.rows_source == "the input example logged with the model"
    told = " ".join(said.lines)
    assert f"cannot be read: the table lies at {secret}, where nothing may be read from unattended" in told
    assert f"the table lies at {listener[0]}/t.csv, where" in told
    assert "hidden" not in told
    assert listener[1] == []
    allowed = fetch_version(client, uri, tmp_path, policy=SourcePolicy(prefixes=(str(tmp_path),)))
    assert allowed.rows_source == f"the data set 'd0' ({secret}) logged with the run"
    small = SourcePolicy(prefixes=(str(tmp_path),), max_table_bytes=1000)
    assert fetch_version(client, uri, tmp_path, policy=small).rows_source == "the input example logged with the model"
    assert fetch_version(client, uri, tmp_path, policy=None).rows_source == allowed.rows_source


def test_what_only_tags_or_the_configuration_name_must_lie_in_an_allowed_place(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    uri = zoo.register(name := new_name(), log_model())
    TABLE.to_parquet(tmp_path / "background.parquet")
    address = f"file://{tmp_path}/background.parquet"
    client.set_model_version_tag(name, "1", "interp.background", address)
    with pytest.raises(SourceRefusedError) as caught:
        fetch_version(client, uri, tmp_path)
    says = (
        f"{uri}: the table that the tag interp.background of the version names ({address}) cannot be read: the table "
    )
    assert str(caught.value).startswith(f"{says}lies at {address}, where nothing may be read from unattended: ")
    policy = SourcePolicy(prefixes=(str(tmp_path),))
    fetched = fetch_version(client, uri, tmp_path, policy=policy)
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
            fetch_version(client, uri, tmp_path, policy=SourcePolicy(prefixes=(str(link.parent),)))
    client.set_model_version_tag(name, "1", "interp.background", str(tmp_path / "gone.csv"))
    with pytest.raises(UsageError, match=r"the tag interp.background of the version names .*gone.csv\) cannot be read"):
        fetch_version(client, uri, tmp_path, policy=policy)


def test_the_order_is_tag_model_configuration_and_then_what_was_logged(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    run_tables = {"training/rows.parquet": TABLE[:30], "training/background.parquet": TABLE[30:70]}
    uri = zoo.register(name := new_name(), log_model())
    run_id = client.get_model_version(name, "1").run_id
    assert run_id
    for path, frame in run_tables.items():
        frame.to_parquet(tmp_path / Path(path).name)
        client.log_artifact(run_id, str(tmp_path / Path(path).name), "training")
    logged = fetch_version(client, uri, tmp_path)
    assert logged.rows_source == "the rows logged with the run"
    assert logged.background_source == "the background data logged with the run"

    for number in range(3):
        TABLE[: 50 + number].to_csv(tmp_path / f"{number}.csv", index=False)
    policy = SourcePolicy(prefixes=(str(tmp_path),))
    default = DataDefault(models="model-*", background=str(tmp_path / "0.csv"))
    configured = fetch_version(client, uri, tmp_path, policy=policy, defaults=(default,))
    assert len(configured.background) == 50
    assert configured.rows_source == "the rows logged with the run"
    assert (
        f"the entry [[data]] for 'model-*' in the configuration names ({tmp_path}/0.csv)"
        in configured.background_source
    )
    client.set_registered_model_tag(name, "interp.background", str(tmp_path / "1.csv"))
    assert len(fetch_version(client, uri, tmp_path, policy=policy, defaults=(default,)).background) == 51
    client.set_model_version_tag(name, "1", "interp.background", str(tmp_path / "2.csv"))
    tagged = fetch_version(client, uri, tmp_path, policy=policy, defaults=(default,))
    assert len(tagged.background) == 52
    by_hand = fetch_version(client, uri, tmp_path, policy=policy, defaults=(default,), background=TABLE[:60])
    assert by_hand.background_source == "the given frame"
    assert len({each.key for each in (logged, configured, tagged, by_hand)}) == 4


def test_what_was_logged_for_training_is_measured_before_it_is_read(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    uri = zoo.register(name := new_name(), log_model())
    run_id = client.get_model_version(name, "1").run_id
    assert run_id
    pd.DataFrame(0.0, index=range(100_000), columns=NUMBERS).to_parquet(tmp_path / "rows.parquet")
    client.log_artifact(run_id, str(tmp_path / "rows.parquet"), "training")
    assert fetch_version(client, uri, tmp_path).rows_source == "the rows logged with the run"
    with pytest.raises(SourceRefusedError, match=r"training/rows\.parquet in its run is larger than .* in memory"):
        fetch_version(client, uri, tmp_path, policy=SourcePolicy(max_table_bytes=2_000_000))
    with pytest.raises(SourceRefusedError, match=f"training/ in the run of {uri} is larger than"):
        fetch_version(client, uri, tmp_path, policy=SourcePolicy(max_table_bytes=1000))
    artifacts = Path(client.get_run(run_id).info.artifact_uri)
    (artifacts / "training" / "rows.parquet").unlink()
    (artifacts / "training" / "rows.parquet").symlink_to(tmp_path / "rows.parquet")
    with pytest.raises(SourceRefusedError, match=r"holds 'rows\.parquet', which is a symbolic link"):
        fetch_version(client, uri, tmp_path)


def test_the_key_is_known_before_anything_is_read(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(new_name(), log_model())
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    default = DataDefault(models="*", background=str(tmp_path / "t.csv"))
    fetched = fetch_version(client, uri, tmp_path, policy=None, defaults=(default,))
    declared = read_declared(client, fetched.version, (default,))
    question = question_digest(fetched.version.source, CONFIG, declared.rows or "", declared.background or "")
    assert fetched.key == explanation_key(fetched.version.identity, question)
    one, two = (
        fetch_version(client, uri, tmp_path, policy=None, data=pd.concat([TABLE[:5], rest]))
        for rest in (TABLE[5:60], TABLE[60:120])
    )
    assert len({fetched.key, one.key, two.key}) == 3  # what stands for "unknown" is drawn from what was given


def test_one_table_for_both_is_kept_apart(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(name := new_name(), log_model())
    TABLE.to_csv(tmp_path / "t.csv", index=False)
    for tag in ("interp.rows", "interp.background"):
        client.set_model_version_tag(name, "1", tag, str(tmp_path / "t.csv"))
    fetched = fetch_version(client, uri, tmp_path, policy=None)
    assert set(fetched.rows.index).isdisjoint(fetched.background.index)
    assert fetched.background_source.endswith("drawn, none of them explained")


def test_a_foreign_model_is_explained_against_the_background_its_tag_names(
    zoo: Zoo, client: MlflowClient, tmp_path: Path
) -> None:
    uri = zoo.register(name := new_name(), log_model())
    TABLE[:60].to_csv(tmp_path / "background.csv", index=False)
    client.set_model_version_tag(name, "1", "interp.background", str(tmp_path / "background.csv"))
    explained = explain(uri, CONFIG, publishing=False, session=connect(zoo.uri))
    assert explained.shap is not None
    expected = MODEL.predict(TABLE[:60][NUMBERS]).mean()
    np.testing.assert_allclose(explained.shap.base_values, expected, rtol=1e-12)


def test_an_own_version_is_explained_against_what_its_tag_names(loan_store: LoanStore, tmp_path: Path) -> None:
    client = connect(loan_store.uri).client
    uri = loan_store.train("loans-tagged")
    plain = fetch_version(client, uri, tmp_path)
    assert plain.rows_are_logged
    client.set_model_version_tag("loans-tagged", "1", "interp.rows", str(loan_store.table))
    fetched = fetch_version(client, uri, tmp_path, policy=None)
    assert not fetched.rows_are_logged
    assert fetched.outcomes is None
    assert fetched.rows_source == f"the table that the tag interp.rows of the version names ({loan_store.table})"
    assert fetched.background_source == plain.background_source
    assert fetched.key != plain.key
    with pytest.raises(SourceRefusedError):
        fetch_version(client, uri, tmp_path)


def test_an_input_example_that_cannot_be_used_is_said(zoo: Zoo, client: MlflowClient, tmp_path: Path) -> None:
    uri = zoo.register(new_name(), log_model())
    folder = model_files(client, uri)
    text = (folder / "MLmodel").read_text()
    (tmp_path / "secret.json").write_text((folder / "input_example.json").read_text())
    outside = os.path.relpath(tmp_path / "secret.json", folder)
    (folder / "MLmodel").write_text(text.replace("artifact_path: input_example.json", f"artifact_path: {outside}"))
    for policy in (SourcePolicy(), None):
        with pytest.raises(NoDataError, match="its input example is not among its files"), contextlib.chdir(tmp_path):
            fetch_version(client, uri, tmp_path, policy=policy)
