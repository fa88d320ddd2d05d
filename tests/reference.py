"""The tables of docs/reference that the code knows: ``python -m tests.reference`` writes them anew.

A page marks the place of each with ``<!-- generated: WHAT -->`` and ``<!-- end -->``. What stands around them is
written by hand.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import tokenize
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from interp_pipeline.config import CompareConfig, ExplainConfig, TrainConfig
from interp_pipeline.report.sentences.trust import MEANINGS
from interp_pipeline.tracking.sources.declared_data import DataDefault
from mlflow_plugin.cli import main as interp
from mlflow_plugin.metrics import Metrics
from mlflow_plugin.settings import SandboxSettings, SelectSettings, SourceSettings, WorkerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["COMMANDS", "PAGES", "SECTIONS", "renewed"]

_ROOT = Path(__file__).parents[1]
PAGES = sorted((_ROOT / "docs" / "reference").glob("*.md"))
_REGION = re.compile(r"(<!-- generated: (?P<what>[^\n]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SECTIONS = {
    "train": TrainConfig,
    "explain": ExplainConfig,
    "compare": CompareConfig,
    "data": DataDefault,
    "select": SelectSettings,
    "sources": SourceSettings,
    "sandbox": SandboxSettings,
    "worker": WorkerSettings,
}


def _leaves(group: click.Group, before: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _leaves(command, f"{before}{name} ")
        else:
            yield before + name, command


COMMANDS = dict(_leaves(interp, ""))
_COMMON = {"--tracking-uri", "--config", "--log-format", "--debug", "--help"}


def renewed(page: str) -> str:
    """The text of a page with every table as the code has it now."""
    return _REGION.sub(lambda found: f"{found[1]}\n{_table(found['what'])}\n\n{found[3]}", page)


def _table(what: str) -> str:
    kind, _, name = what.partition(" ")
    if kind == "command":
        return _command(name)
    if kind == "section":
        return _rows(("option", "default", "meaning"), _options_of(SECTIONS[name]))
    return {"common options": _common, "entry points": _entry_points, "prometheus": _prometheus, "checks": _checks}[
        what
    ]()


def _rows(heads: tuple[str, ...], rows: Any) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _command(name: str) -> str:
    command = COMMANDS[name]
    arguments = [
        each.make_metavar(click.Context(command)) for each in command.params if isinstance(each, click.Argument)
    ]
    usage = " ".join(["interp", name, "[OPTIONS]", *arguments])
    help_text = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(command.help or ""))
    options = [each for each in command.params if isinstance(each, click.Option) and each.opts[0] not in _COMMON]
    table = f"\n\n{_rows(('option', 'value', 'meaning'), map(_option, options))}" if options else ""
    return f"```\n{usage}\n```\n\n{help_text}{table}"


def _common() -> str:
    options = COMMANDS["status"].params
    return _rows(
        ("option", "value", "meaning"),
        [_option(each) for each in options if isinstance(each, click.Option) and each.opts[0] in _COMMON],
    )


def _option(option: click.Option) -> tuple[str, str, str]:
    choices = option.type.choices if isinstance(option.type, click.Choice) else None
    if option.is_flag:
        value = ""
    elif choices:
        value = ", ".join(f"`{each}`" for each in choices)
    else:
        value = (option.metavar or option.type.name).lower()
    meaning = option.help or ""
    if option.show_default:
        meaning = f"{meaning} [default: {option.default}]".strip()
    repeat = " May be repeated." if option.multiple and "repeated" not in meaning else ""
    return f"`{option.opts[0]}`", value, meaning + repeat


def _options_of(config: type[Any]) -> Iterator[tuple[str, str, str]]:
    comments = _comments(inspect.getsource(config))
    for each in dataclasses.fields(config):
        default = "" if each.default in {None, dataclasses.MISSING} else f"`{_toml(each.default)}`"
        yield f"`{each.name}`", default, comments.get(each.name, "")


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _comments(source: str) -> dict[str, str]:
    """What stands beside each field, or in the lines above it."""
    said = {
        token.start[0]: (token.string.lstrip("# "), token.line.lstrip().startswith("#"))
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }
    (body,) = ast.parse(source).body
    found = {}
    for statement in body.body:  # type: ignore[attr-defined] # the source is that of a class
        if not isinstance(statement, ast.AnnAssign):
            continue
        line, above = statement.lineno, []
        while (comment := said.get(line - 1 - len(above))) and comment[1]:
            above.insert(0, comment[0])
        beside = [said[line][0]] if line in said else []
        text = " ".join([*above, *beside]).replace("None: ", "without it: ")  # TOML has no None
        found[statement.target.id] = f"{text[:1].upper()}{text[1:]}".rstrip(".") + "." * bool(text)  # type: ignore[union-attr]
    return found


def _entry_points() -> str:
    project = yaml.safe_load((_ROOT / "MLproject").read_text(encoding="utf-8"))
    return _rows(
        ("entry point", "parameter", "default"),
        (
            (f"`{name}`" * (not number), f"`{parameter}`", "" if default == "" else f"`{default}`")
            for name, entry in project["entry_points"].items()
            for number, (parameter, default) in enumerate(
                (key, value.get("default", "")) for key, value in entry["parameters"].items()
            )
        ),
    )


class _OneJob:
    """A job table with one job."""

    def counts(self) -> dict[str, int]:
        return {"pending": 1}

    def failures_by_class(self) -> dict[str, int]:
        return {"TrackingError": 1}

    def oldest_unexplained_s(self) -> float | None:
        return None

    def last_scan_age_s(self) -> float | None:
        return None


def _counts(thing: Any) -> bool:
    return hasattr(thing, "_labelnames")


def _prometheus() -> str:
    metrics = Metrics()
    metrics.watch_jobs(_OneJob())
    lines = metrics.exposition().decode().splitlines()
    helps = dict(line.removeprefix("# HELP ").split(" ", 1) for line in lines if line.startswith("# HELP "))
    types = dict(line.removeprefix("# TYPE ").split(" ", 1) for line in lines if line.startswith("# TYPE "))
    ours = sorted(name for name in helps if not name.endswith("_created") and not name.startswith("interp_process_"))
    labels = dict(re.findall(r"^(interp_\w+)\{(\w+)=", "\n".join(lines), re.MULTILINE))
    labels |= {each.describe()[0].name: ",".join(each._labelnames) for each in vars(metrics).values() if _counts(each)}
    labelled = [(name, labels.get(name) or labels.get(name.removesuffix("_total"))) for name in ours]
    return _rows(
        ("metric", "type", "meaning"),
        ((f"`{name}{{{label}}}`" if label else f"`{name}`", types[name], helps[name]) for name, label in labelled),
    )


def _checks() -> str:
    return _rows(
        ("check", "measures"),
        ((f"`{name}`", f"{meaning[0].upper()}{meaning[1:]}.") for name, meaning in MEANINGS.items()),
    )


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
