"""Every link and anchor of the documents leads somewhere in the repository."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")


def _prose(document: Path) -> str:
    return re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def _anchors(document: Path) -> set[str]:
    """As GitHub and the site make them of headings."""
    anchors: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", _prose(document), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()).replace(" ", "-")
        assert words not in anchors, f"{document.name} has two headings {heading!r}"
        assert "--" not in words, f"GitHub and the site disagree about the anchor of {heading!r}"
        anchors.add(words)
    return anchors


def broken_links(document: Path) -> list[str]:
    """What a document links to and nobody finds; other sites are not asked."""
    broken = []
    for found in _LINK.finditer(_prose(document)):
        if re.match(r"https?://", found["path"]):
            continue
        target = (document.parent / found["path"]).resolve() if found["path"] else document
        if not target.exists() or (found["anchor"] and found["anchor"] not in _anchors(target)):
            broken.append(found[0][2:-1])
    return broken


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    assert broken_links(document) == []


@pytest.mark.parametrize("page", [each for each in _DOCUMENTS if each.parent != _ROOT], ids=lambda path: path.name)
def test_a_page_of_the_site_is_reached_from_its_first_page(page: Path) -> None:
    seen, waiting = set(), [_ROOT / "docs" / "index.md"]
    while waiting:
        document = waiting.pop()
        if document.suffix == ".md" and document not in seen:
            seen.add(document)
            waiting += [(document.parent / each["path"]).resolve() for each in _LINK.finditer(_prose(document))]
    assert page in seen


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# What it costs\n", encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](other.md#what-it-costs) [b](none.md) [c](other.md#no) [d](#e) [f](https://x.org)\n", encoding="utf-8"
    )
    assert broken_links(page) == ["none.md", "other.md#no", "#e"]
