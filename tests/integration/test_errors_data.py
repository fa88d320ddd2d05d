"""Data nobody can train on: one line that says what is wrong with which file, and nothing left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp, interp_process, script
from harness.loan_store import HEADER, loan_lines

if TYPE_CHECKING:
    from pathlib import Path

    from harness.loan_store import LoanStore
    from harness.s3 import S3Server


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Files with one fault each."""
    lines = loan_lines()
    contents = {
        "good": [HEADER, *lines],
        "empty": [],
        "header": [HEADER],
        "one_row": [HEADER, lines[0]],
        "one_class": [HEADER, *(line for line in lines if line.endswith("yes"))],
        "no_target": [HEADER, *(line.rpartition(",")[0] + "," for line in lines)],
        "ragged": [HEADER, *lines[:3], "1,2,3,4,5,6"],
        "semicolons": [HEADER.replace(",", ";"), *(line.replace(",", ";") for line in lines)],
    }
    for name, rows in contents.items():
        (tmp_path / f"{name}.csv").write_text("".join(f"{row}\n" for row in rows))
    (tmp_path / "latin.csv").write_bytes("\n".join([HEADER, *lines]).replace("clerk", "café").encode("latin-1"))
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 torn")
    (tmp_path / "notes.txt").write_text("no table")
    (tmp_path / "folder").mkdir()
    return tmp_path


CASES = [
    ("missing file", "nothere.csv", "nothere.csv does not exist"),
    ("empty file", "empty.csv", "empty.csv is empty"),
    ("header only", "header.csv", "header.csv has a header but no rows"),
    ("one row", "one_row.csv", "one_row.csv has a single row with a target"),
    ("not UTF-8", "latin.csv", "latin.csv is not UTF-8"),
    ("one class only", "one_class.csv", "target column 'target' has one class only, 'yes'"),
    ("target all missing", "no_target.csv", "target column 'target': all 60 values are missing"),
    ("ragged rows", "ragged.csv", "ragged.csv"),
    ("semicolons", "semicolons.csv", "semicolons.csv is separated by semicolons"),
    ("torn Parquet", "torn.parquet", "torn.parquet cannot be read as Parquet"),
    ("neither CSV nor Parquet", "notes.txt", "notes.txt is neither CSV nor Parquet"),
    ("folder without tables", "folder", "folder"),
    ("unknown target", "good.csv --target nope", "target column 'nope' is not in the data"),
    ("unknown positive class", "good.csv --positive-class maybe", "positive class 'maybe' does not occur"),
    ("text as a number", "good.csv --task regression", "'no' is not a finite number"),
    ("unknown scheme", "ftp://x/y.csv", "ftp:// is not supported"),
    ("closed port", "http://127.0.0.1:9/y.csv", "http://127.0.0.1:9/y.csv: the server cannot be reached"),
]


@pytest.mark.parametrize(("options", "fragment"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_data_that_cannot_be_trained_on(tables: Path, loan_store: LoanStore, options: str, fragment: str) -> None:
    place = options if "://" in options else f"{tables}/{options}"
    unreachable = "cannot be reached" in fragment
    with loan_store.unharmed():
        interp(f"train {place} --name spoilt --n-estimators 2").require_error(1 if unreachable else 2, fragment)
    assert not [uri for uri in loan_store.versions() if "spoilt" in uri]


@pytest.mark.parametrize(
    ("address", "fragment"),
    [
        ("s3://nowhere/loans.csv", "there is no bucket 'nowhere'"),
        ("s3://{bucket}/nothere.csv", "nothere.csv does not exist in its bucket"),
        ("s3://{bucket}/nothere/", "is a folder without files"),
    ],
    ids=["missing bucket", "missing key", "empty prefix"],
)
def test_data_that_is_not_on_s3(loan_store: LoanStore, s3: S3Server, address: str, fragment: str) -> None:
    with loan_store.unharmed():
        interp(f"train {address.format(bucket=s3.bucket)} --name spoilt").require_error(2, fragment)


def test_credentials_s3_does_not_know(loan_store: LoanStore, s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with loan_store.unharmed():
        interp(f"train s3://{s3.bucket}/loans.csv").require_error(2, "the credentials are not accepted")


def test_the_command_itself_ends_with_one_line_and_code_2(tables: Path, loan_store: LoanStore) -> None:
    with loan_store.unharmed():
        outcome = interp_process(f"train {tables}/one_class.csv", {"MLFLOW_TRACKING_URI": loan_store.uri})
    assert outcome.require_error(2, "one class only") == outcome.stderr.strip()


def test_the_main_job_marks_the_run_it_was_given_as_failed(tables: Path, loan_store: LoanStore) -> None:
    """``mlflow run`` makes the run, and names it in a variable."""
    run_id = loan_store.client.create_run("0").info.run_id
    environment = {"MLFLOW_TRACKING_URI": loan_store.uri, "MLFLOW_RUN_ID": run_id}
    with loan_store.unharmed():
        options = f"--data {tables}/good.csv --target nope --positive-class '' --name-prefix '' --rows 5"
        script("main", options, environment).require_error(2, "target column 'nope' is not in the data")
    assert loan_store.statuses()[run_id] == "FAILED"


def test_debug_shows_where_it_failed(tables: Path, loan_store: LoanStore) -> None:
    outcome = interp_process(f"train {tables}/empty.csv --debug", {"MLFLOW_TRACKING_URI": loan_store.uri})
    assert outcome.code == 1
    assert "Traceback (most recent call last):" in outcome.stderr
    assert outcome.stderr.splitlines()[-1].startswith("interp_pipeline.errors.DataError: ")
