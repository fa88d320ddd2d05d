"""Tables of the documents hold facts: what needs a sentence stands above or below a table."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_MOST_WORDS = 30


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_no_cell_is_an_essay(document: Path) -> None:
    long = [
        (number, len(cell.split()), cell.strip()[:60])
        for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1)
        if line.startswith("|")
        for cell in line.strip("|").split("|")
        if len(cell.split()) > _MOST_WORDS
    ]
    assert long == []


def test_the_walk_finds_the_documents() -> None:
    assert {"README.md", "contract.md", "reliability.md"} <= {path.name for path in _DOCUMENTS}
