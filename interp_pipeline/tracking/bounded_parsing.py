"""YAML and JSON that strangers wrote, parsed in bounded time: limits on depth and number come before any object."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["parse_json", "parse_yaml"]

_DEEPEST = 32  # brackets in brackets; MLflow's own files need six
_MOST_VALUES = 20_000  # aliases counted as what they stand for; MLflow writes a signature as one text
_LONGEST_NUMBER = 100  # characters
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def parse_json(text: str | bytes) -> Any:
    """The content of a JSON document.

    Raises:
        ValueError: it is none, or lies deeper than Python can follow.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        msg = "its brackets are nested too deeply"
        raise ValueError(msg) from error


def parse_yaml(text: str) -> Any:
    """The content of a YAML document, of plain values alone.

    The events are counted before anything is built from them: libyaml takes quadratic time for nested brackets, and
    aliases, merges (``<<``) and numbers of base 60 can grow far beyond the size of the text.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: it goes beyond a limit.
    """
    import yaml

    try:
        _check(yaml.parse(text, Loader=_loader()))
    except yaml.YAMLError as error:
        if "nesting depth" not in str(error):
            raise
        raise _too_deep() from error  # a limit of newer libyaml's own, which looks further ahead
    return yaml.load(text, Loader=_loader())  # noqa: S506 - a safe loader, see below


@cache
def _loader() -> Any:
    """PyYAML's safe loader, in C where it was built with libyaml (its wheels are), with a limit for numbers.

    The loader in Python gives the same, and stops at the same limits; it takes about twenty times as long.
    """
    import yaml

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc]  # chosen at run time
        pass

    def number(loader: Any, node: Any) -> Any:
        if len(str(node.value)) > _LONGEST_NUMBER:
            msg = f"it holds a number of more than {_LONGEST_NUMBER} characters"
            raise ValueError(msg)
        return base.yaml_constructors[node.tag](loader, node)

    for tag in _NUMBERS:
        Loader.add_constructor(tag, number)
    return Loader


def _check(events: Iterable[Any]) -> None:
    """Refuse a document that would become too deep or too large, as soon as that is seen."""
    import yaml

    open_nodes: list[tuple[str | None, int]] = []  # anchor of each collection, and the count where it began
    sizes: dict[str, int] = {}  # of what an alias may stand for
    count = 0
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, began = open_nodes.pop()
            sizes |= {anchor: count - began} if anchor else {}
        elif isinstance(event, yaml.AliasEvent):
            count += _size_of(event.anchor or "", sizes)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, count))
            count += 1
        elif isinstance(event, yaml.ScalarEvent):
            _refuse_merge(event)
            sizes |= {event.anchor: 1} if event.anchor else {}
            count += 1
        _require_bounded(len(open_nodes), count)


def _require_bounded(depth: int, count: int) -> None:
    if depth > _DEEPEST:
        raise _too_deep()
    if count > _MOST_VALUES:
        msg = f"it holds more than {_MOST_VALUES:,} values"
        raise ValueError(msg)


def _too_deep() -> ValueError:
    return ValueError(f"its brackets are nested more than {_DEEPEST} deep")


def _size_of(anchor: str, sizes: Mapping[str, int]) -> int:
    if anchor not in sizes:
        msg = f"its alias *{anchor[:80]} stands for nothing, or for what holds it"
        raise ValueError(msg)
    return sizes[anchor]


def _refuse_merge(event: Any) -> None:
    """Merging sections into sections doubles them again and again; MLflow never writes it."""
    if (event.implicit[0] and event.value == "<<") or event.tag == "tag:yaml.org,2002:merge":
        msg = "it merges sections by <<"
        raise ValueError(msg)
