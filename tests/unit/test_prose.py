"""The prose of the documents: short sentences, subject first, and no word that a reader has to translate.

The rules are few and stand here rather than in a linter's configuration: the linters that are to be had fetch a program
from the network when they first run.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENTS = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_MOST_WORDS = 40
_RULES = {
    r"^What (?!.*\?$|[^:]{1,50}: )": "name the thing: 'Files that cannot be read are refused'",
    r"^Who(?:ever)? (?!.*\?$)": "name the person: 'A reader who ...'",
    r"^(?:Known|Needed|Explained|Drawn|Read|Refused|Considered|Allowed|Chosen|Not \w+) (?:is|are|was|were)\b": (
        "put the subject first"
    ),
    r"(?i)\b(?:is|are|was|were|be) told\b": "say where it stands: 'the report says'",
    r"(?i)\b(?:which is said|said so|is said)\b": "say where it stands: 'the report says'",
    r"(?i)\bso (?:many|much) (?:are|is|rows|of)\b": "say 'this many', or the number",
    r"(?i)\blikewise\b": "say it in full",
    r"(?i)\bspeaks? (?:about|of)\b": "say 'describes'",
    r"(?i)\b(?:simply|obviously|easily|just|utilize|leverage)\b": "leave it out",
    r"(?i)\b(?:e\.g|i\.e|etc)\.": "write it out",
    r"(?i)\bthereby\b|\bwherefore\b|\bhereby\b|\bthereof\b": "write a sentence of its own",
}


def sentences(text: str) -> list[str]:
    """Every sentence of a page's paragraphs and list items: no code, tables, headings, comments or link targets."""
    text = re.sub(r"<!--.*?-->|^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text))
    text = re.sub(r"`[^`]+`", "Code", text).replace("**", "").replace("*", "")
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", text)
    kept = (block.strip() for block in blocks if not re.match(r"\s*(?:[|#]|!!!)", block))
    flat = (re.sub(r"^(?:[-*]|\d+\.) ", "", re.sub(r"\s+", " ", block)) for block in kept)
    return [each for block in flat for each in re.split(r"(?<=[.!?])[\")”]* +(?=[\"(“]?[A-Z0-9])", block) if each]


def faults(text: str) -> list[str]:
    """What is wrong with a page, a line for each sentence and rule."""
    found = []
    for sentence in sentences(text):
        n_words = len(re.findall(r"\w[\w'\N{RIGHT SINGLE QUOTATION MARK}.-]*", sentence))
        if n_words > _MOST_WORDS:
            found.append(f"{n_words} words, at most {_MOST_WORDS}: {sentence[:90]}")
        found += [f"{why}: {sentence[:90]}" for rule, why in _RULES.items() if re.search(rule, sentence)]
    return found


@pytest.mark.parametrize("document", _DOCUMENTS, ids=lambda path: str(path.relative_to(_ROOT)))
def test_the_prose_keeps_the_rules(document: Path) -> None:
    assert faults(document.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("One two. " + "word " * 41 + "end.", "44 words"),
        ("* What cannot be read is refused.", "name the thing"),
        ("Known are three of them.", "put the subject first"),
        ("It is drawn, which is said.", "say where it stands"),
        ("A line\nthat simply goes on.", "leave it out"),
    ],
    ids=["long", "what", "inverted", "said", "wrapped"],
)
def test_each_fault_is_found(text: str, said: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(said)


def test_questions_code_tables_and_comments_are_left_alone() -> None:
    assert (
        faults("What is shown?\n\n| Known are |\n\n<!-- likewise -->\n\n```bash\njust\n```\n\n`likewise` is a word.")
        == []
    )
