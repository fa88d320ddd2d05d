"""The tables of docs/reference are those of the code; ``python -m tests.reference`` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reference import COMMANDS, PAGES, SECTIONS, renewed

_ROOT = Path(__file__).parents[2]
_TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_table_is_stale(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m tests.reference writes it anew"


@pytest.mark.parametrize(
    "what",
    [
        *(f"command {name}" for name in COMMANDS),
        *(f"section {name}" for name in SECTIONS),
        *("common options", "entry points", "prometheus", "checks"),
    ],
)
def test_everything_has_its_table(what: str) -> None:
    assert len(re.findall(rf"<!-- generated: {re.escape(what)} -->\n\n(?:\||```)", _TEXT)) == 1


def test_every_option_says_what_it_means() -> None:
    tables = re.findall(r"<!-- generated: (?:section|command|common) .*?<!-- end -->", _TEXT, re.DOTALL)
    rows = [line for table in tables for line in table.splitlines() if line.startswith("| `")]
    assert len(rows) > 80
    assert [line for line in rows if line.endswith("|  |")] == []


def test_every_variable_is_listed() -> None:
    files = (path for name in ("interp_pipeline", "mlflow_plugin") for path in (_ROOT / name).rglob("*.py"))
    read = {name for file in files for name in re.findall(r"\bINTERP_[A-Z_]+[A-Z]\b", file.read_text(encoding="utf-8"))}
    assert len(read) > 5
    assert {name for name in read if f"`{name}`" not in _TEXT} == set()
