"""Rows a model cannot read, and versions that cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.command_line import interp
from harness.loan_store import HEADER, loan_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.loan_store import LoanStore


def _write(path: Path, header: str, change: Callable[[int, list[str]], list[str]]) -> Path:
    """The table of the loans, with every row changed."""
    rows = [",".join(change(number, line.split(","))) for number, line in enumerate(loan_lines())]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows to explain that do not fit the model, or do although they differ."""
    _write(tmp_path / "lacking.csv", "age,job,target", lambda _, row: row[1:])
    _write(tmp_path / "words.csv", HEADER, lambda _, row: ["plenty", *row[1:]])
    _write(tmp_path / "one_word.csv", HEADER, lambda i, row: ["plenty" if i == 41 else row[0], *row[1:]])
    _write(tmp_path / "infinite.csv", HEADER, lambda i, row: ["inf" if i == 3 else row[0], *row[1:]])
    _write(tmp_path / "extra.csv", f"{HEADER},note", lambda _, row: [*row, "x"])
    _write(tmp_path / "new_job.csv", HEADER, lambda _, row: [row[0], row[1], "pilot", row[3]])
    _write(tmp_path / "gaps.csv", HEADER, lambda i, row: ["" if i % 2 else row[0], *row[1:]])
    _write(tmp_path / "fractions.csv", "job,age,income", lambda _, row: [row[2], row[1], f"{row[0]}.5"])
    (tmp_path / "header.csv").write_text(f"{HEADER}\n")
    return tmp_path


MISFITS = [
    ("lacks a column", "lacking", "lacking.csv lacks column 'income', which models:/loans/1 was trained on; add"),
    ("text for numbers", "words", "words.csv: column 'income', row 0: 'plenty' is not a finite number"),
    ("one text among numbers", "one_word", "one_word.csv: column 'income', row 41: 'plenty' is not a finite number"),
    ("infinite", "infinite", "infinite.csv: column 'income', row 3: inf is not a finite number"),
    ("header only", "header", "header.csv has a header but no rows"),
    ("no file", "nothere", "nothere.csv does not exist"),
]


@pytest.mark.parametrize(("name", "fragment"), [case[1:] for case in MISFITS], ids=[case[0] for case in MISFITS])
@pytest.mark.parametrize("command", ["explain models:/loans/1", "compare models:/loans/1 models:/loans/2"])
def test_rows_that_do_not_fit(loan_store: LoanStore, rows: Path, command: str, name: str, fragment: str) -> None:
    with loan_store.unharmed():
        interp(f"{command} --rows 4 --data {rows}/{name}.csv").require_error(2, fragment)


@pytest.mark.parametrize("name", ["extra", "new_job", "gaps", "fractions"])
def test_rows_that_differ_and_fit(loan_store: LoanStore, rows: Path, name: str) -> None:
    uri = loan_store.train("fitting")
    assert interp(f"explain {uri} --rows 4 --data {rows}/{name}.csv").require_done().startswith("runs:/")


@pytest.fixture
def others(loan_store: LoanStore, tmp_path: Path) -> dict[str, str]:
    """Versions that ask another question than ``models:/loans/1``."""
    amounts = _write(tmp_path / "amounts.csv", HEADER, lambda i, row: [*row[:3], f"{i * 1.5}"])
    renamed = _write(tmp_path / "renamed.csv", "salary,age,job,target", lambda _, row: row)
    colours = _write(tmp_path / "colours.csv", HEADER, lambda _, row: [*row[:3], {"yes": "green"}.get(row[3], "red")])
    tables = {"amounts": amounts, "renamed": renamed, "colours": colours}
    return {name: loan_store.train(name, table) for name, table in tables.items()}


def test_versions_that_cannot_be_compared(loan_store: LoanStore, others: dict[str, str]) -> None:
    cases = [
        ("models:/loans/1", "a comparison needs two versions or more"),
        ("models:/loans/1 models:/loans/1", "models:/loans/1 is named twice"),
        ("models:/loans/2 models:/loans/latest", "models:/loans/2 is named twice"),
        (f"models:/loans/1 {others['amounts']}", f"predicts classes and {others['amounts']} predicts 'target'"),
        (f"models:/loans/1 {others['colours']}", "predicts no, yes and models:/colours/1 predicts green, red"),
        (f"models:/loans/1 {others['renamed']}", "the data of models:/loans/1 lacks column 'salary', which"),
        (f"{others['renamed']} models:/loans/1", f"the data of {others['renamed']} lacks column 'income'"),
    ]
    with loan_store.unharmed():
        for uris, fragment in cases:
            interp(f"compare {uris} --rows 4").require_error(2, fragment)
