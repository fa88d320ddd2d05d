"""No right to write, or no place to: one line, a failed run, no version.

The tests run as root, whom no mode of a file keeps out; so the database is opened read-only, folders stand
in the way as files, and the storage knows a user who may read only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp, interp_process
from harness.loan_store import LoanStore, replaced

if TYPE_CHECKING:
    from pathlib import Path

    from harness.s3 import S3Server

_READ_ONLY = "the database gives no right to do so (attempt to write a readonly database)"


@pytest.mark.parametrize(
    ("command", "doing"),
    [
        ("train {table} --name broken", "starting a run: "),
        ("explain models:/loans/1 --rows 4", "tagging models:/loans/1: "),
        ("compare models:/loans/1 models:/loans/2 --rows 4", "starting a run: "),
    ],
    ids=["train", "explain", "compare"],
)
def test_a_database_that_is_read_only(loan_store: LoanStore, command: str, doing: str) -> None:
    database = loan_store.uri.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    with loan_store.unharmed():
        text = command.format(table=loan_store.table)
        interp(f"{text} --tracking-uri '{database}'").require_error(2, doing, _READ_ONLY)


def test_a_database_that_is_none(loan_store: LoanStore) -> None:
    interp(f"train --tracking-uri sqlite:///{loan_store.table}").require_error(1, "file is not a database")


def test_artifacts_that_have_no_place(tmp_path: Path) -> None:
    (tmp_path / "mlruns").write_text("a file where the folder of the artifacts should be")
    store = LoanStore.create(tmp_path)
    command = f"train {store.table} --name broken --n-estimators 2 --tracking-uri {store.uri}"
    interp(command).require_error(2, "writing artifacts of run ", "no folder can be made there (", f"{tmp_path}/mlruns")
    assert store.versions() == set()
    assert set(store.statuses().values()) == {"FAILED"}


def test_an_explanation_that_has_no_place(loan_store: LoanStore) -> None:
    folder = loan_store.artifacts("models:/loans/2") / "explanations"
    folder.mkdir(exist_ok=True)
    with replaced(folder, b"a file where the folder should be"):
        interp("explain models:/loans/2 --rows 4").require_error(2, "artifacts of run ", "no folder can be made there")
        assert loan_store.client.get_model_version("loans", "2").tags["interp.status"] == "failed"
    interp("explain models:/loans/2 --rows 4").require_done()
    assert loan_store.client.get_model_version("loans", "2").tags["interp.status"] == "done"


@pytest.fixture
def direct_store(direct_server: str, s3: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LoanStore:
    """A store whose clients write to S3 themselves, and one version in it."""
    del s3  # its variables are what counts
    monkeypatch.setenv("MLFLOW_TRACKING_URI", direct_server)
    store = LoanStore.create(tmp_path, direct_server)
    if "models:/readable/1" not in store.versions():
        store.train("readable")
    return store


def test_a_storage_one_may_only_read(direct_store: LoanStore, s3_process: S3Server) -> None:
    """In processes of their own: within one, MLflow keeps the S3 client it made with the first credentials."""
    environment = {"MLFLOW_TRACKING_URI": direct_store.uri, **s3_process.as_reader().environment}
    runs, refusal = set(direct_store.statuses()), "no permission; ask for the right, or use other credentials"
    with direct_store.unharmed():
        outcome = interp_process(f"train {direct_store.table} --name broken --n-estimators 2", environment)
        outcome.require_error(2, "writing artifacts of run ", refusal)
        outcome = interp_process("explain models:/readable/1 --rows 4", environment)
        outcome.require_error(2, "artifacts of run ", refusal)
    assert {status for run, status in direct_store.statuses().items() if run not in runs} == {"FAILED"}
    assert direct_store.client.get_model_version("readable", "1").tags["interp.status"] == "failed"


def test_a_storage_one_has_no_credentials_for(direct_store: LoanStore, s3_process: S3Server) -> None:
    environment = {"MLFLOW_TRACKING_URI": direct_store.uri, **s3_process.environment}
    environment |= {"AWS_SHARED_CREDENTIALS_FILE": "nowhere", "AWS_CONFIG_FILE": "nowhere"}
    del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    with direct_store.unharmed():
        outcome = interp_process("explain models:/readable/1 --rows 4", environment)
        outcome.require_error(2, "no S3 credentials; set AWS_ACCESS_KEY_ID")
