"""The floors in docs/explanation/architecture.md are those that import-linter enforces."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DOCUMENT = (_ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
_CONTRACTS = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
_HOUSES = {contract["containers"][0]: contract for contract in _CONTRACTS if contract["type"] == "layers"}


@pytest.mark.parametrize("house", sorted(_HOUSES))
def test_every_name_stands_on_its_floor(house: str) -> None:
    layers = [layer for layer in _HOUSES[house]["layers"] if not layer.startswith("(")]  # those are still to come
    enforced = {name.strip(): floor for floor, layer in enumerate(reversed(layers)) for name in layer.split("|")}
    assert _floors(house) == enforced


@pytest.mark.parametrize("house", sorted(_HOUSES))
def test_every_name_is_given_its_floor(house: str) -> None:
    assert _HOUSES[house]["exhaustive"] is True


def _floors(house: str) -> dict[str, int]:
    """Floor by name, as the document lists them below the name of a package."""
    block = _DOCUMENT.partition(f"\n{house.replace('.', '/')}/\n")[2]
    floors = {}
    for line in block.splitlines():
        found = re.fullmatch(r"  (\S[^\[]*?) +\[(\d+)\] \S.*", line)
        if found is None:
            break
        floors |= {name.rstrip("/"): int(found[2]) for name in found[1].split()}
    return floors
