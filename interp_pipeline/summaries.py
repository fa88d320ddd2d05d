"""Explanations, interactions and comparisons in a few lines: what a notebook and a terminal show of them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.readable import number, share, signed, value_text

if TYPE_CHECKING:
    from rich.console import Group

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.interactions import Interactions

__all__ = ["Summary", "summary_of_comparison", "summary_of_explanation", "summary_of_interactions"]

_MOST_LINES = 10
_MOST_OUTPUTS = 4  # of an explanation of one row: a column each
_LONGEST = 40  # characters of a name
_WIDTH = 110  # of the text, as wide as most terminals and notebooks


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A short table. Texts are of one line each and hold nothing that a terminal would obey."""

    caption: str
    columns: tuple[str, ...]  # the first one is to the left, the others are numbers or cells, to the right
    lines: tuple[tuple[str, ...], ...]
    left_out: str = ""  # what the table does not show; empty: it shows all

    def to_rich(self) -> Group:
        """For a terminal."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for position, name in enumerate(self.columns):
            table.add_column(Text(name), justify="right" if position else "left", no_wrap=True)
        for line in self.lines:
            table.add_row(*(Text(cell) for cell in line))
        return Group(Text(self.caption), table, *([Text(self.left_out)] if self.left_out else []))

    def to_text(self) -> str:
        """For ``repr``: aligned columns, also of wide letters."""
        import io

        from rich.console import Console

        console = Console(file=io.StringIO(), width=_WIDTH, color_system=None, legacy_windows=False)
        with console.capture() as capture:
            console.print(self.to_rich())
        return "\n".join(line.rstrip() for line in capture.get().splitlines()).strip("\n")

    def to_html(self) -> str:
        """For notebooks; every text is escaped."""
        head, *body = (
            "".join(
                f'<{tag} style="text-align:{"right" if position else "left"}">{html.escape(cell)}</{tag}>'
                for position, cell in enumerate(cells)
            )
            for tag, cells in (("th", self.columns), *(("td", line) for line in self.lines))
        )
        table = f"<thead><tr>{head}</tr></thead><tbody>{''.join(f'<tr>{cells}</tr>' for cells in body)}</tbody>"
        rest = f"<p>{html.escape(self.left_out)}</p>" if self.left_out else ""
        return f"<p>{html.escape(self.caption)}</p><table>{table}</table>{rest}"


def summary_of_explanation(explanation: Explanation) -> Summary:
    """The most important features: of one row what each does, of several how much."""
    shown = list(explanation.ranking[:_MOST_LINES])
    names = explanation.feature_names
    lime = explanation.local_r2 is not None
    kind = "LIME" if lime else "SHAP"
    word = "weight" if lime else "effect"
    if len(explanation.data) == 1:
        return _of_one_row(explanation, shown, kind, word)
    columns = ["feature", f"mean |{word}|"]
    sizes, errors = explanation.importance, explanation.importance_std_error
    lines = [[_plain(names[j]), number(float(sizes[j]))] for j in shown]
    outputs = explanation.summary_outputs
    if len(outputs) == 1:
        columns.append(f"mean {word}")
        mean = explanation.values[:, :, outputs[0]].mean(axis=0)
        for line, j in zip(lines, shown, strict=True):
            line.append(signed(float(mean[j])))
    columns.append("std. error")
    for line, j in zip(lines, shown, strict=True):
        line.append(number(float(errors[j]), 2))
    of = _explained(explanation)
    return Summary(
        caption=f"{kind} values of {_count(len(explanation.data), 'row')} by {explanation.method}, of {of}",
        columns=tuple(columns),
        lines=tuple(map(tuple, lines)),
        left_out=_left_out(len(names), len(shown), "feature"),
    )


def _of_one_row(explanation: Explanation, shown: list[int], kind: str, word: str) -> Summary:
    outputs = sorted(explanation.summary_outputs, key=lambda k: -explanation.predictions[0, k])[:_MOST_OUTPUTS]
    single = len(outputs) == 1
    heads = [word if single else f"{word}: {_plain(explanation.output_names[k])}" for k in outputs]
    row = explanation.data.iloc[0]
    lines = [
        (
            _plain(explanation.feature_names[j]),
            _plain(value_text(row.iloc[j])),
            *(signed(float(explanation.values[0, j, k])) for k in outputs),
        )
        for j in shown
    ]
    told = ", ".join(
        ("" if single else f"{_plain(explanation.output_names[k])} ") + number(float(explanation.predictions[0, k]))
        for k in outputs
    )
    return Summary(
        caption=(
            f"{kind} values of row {explanation.row_ids[0]} by {explanation.method}, of {_explained(explanation)}; "
            f"prediction: {told}"
        ),
        columns=("feature", "value", *heads),
        lines=tuple(lines),
        left_out=_left_out(len(explanation.feature_names), len(shown), "feature"),
    )


def _explained(explanation: Explanation) -> str:
    """What the effects are effects on."""
    unit = _plain(explanation.output_unit)
    if explanation.positive_class is not None:
        return f"{unit} of {_plain(explanation.positive_class)}"
    many = len(explanation.output_names)
    return unit if many == 1 else f"{unit}, over {many} outputs"


def summary_of_interactions(interactions: Interactions) -> Summary:
    """The strongest pairs."""
    names, ranking = interactions.explanation.feature_names, interactions.ranking
    shown = ranking[:_MOST_LINES]
    of = _explained(interactions.explanation)
    return Summary(
        caption=f"Interactions in {_count(len(interactions.rows), 'row')}, of {of}",
        columns=("features", "mean |joint effect|", "share of all effects"),
        lines=tuple(
            (
                f"{_plain(names[a])} \N{MULTIPLICATION SIGN} {_plain(names[b])}",
                number(float(interactions.strength[a, b])),
                share(float(interactions.strength[a, b]), interactions.total),
            )
            for a, b in shown
        ),
        left_out=_left_out(len(ranking), len(shown), "pair"),
    )


def summary_of_comparison(comparison: Comparison) -> Summary:
    """The features by their importance in the reference, and the shift of the last version, if that is beyond noise."""
    table = comparison.pair(comparison.labels[-1])
    shown = table.head(_MOST_LINES)
    importance = [f"importance_{label}" for label in comparison.labels]
    lines = []
    for record in shown.to_dict("records"):
        clear = "yes" if record["significant"] else "no"
        cells = [number(float(record[column])) if not _is_gap(record[column]) else "-" for column in importance]
        lines.append((_plain(record["feature"]), *cells, signed(float(record["delta"])), clear))
    correlation = comparison.metrics["rank_correlation"]
    last = _plain(comparison.labels[-1])
    return Summary(
        caption=(
            f"{_plain(comparison.reference)} and {last} on {_count(comparison.n_rows, 'row')}: "
            f"rank correlation {number(correlation, 2)}"
        ),
        columns=("feature", *map(_plain, comparison.labels), f"shift to {last}", "beyond noise"),
        lines=tuple(lines),
        left_out=_left_out(len(table), len(shown), "feature"),
    )


def _is_gap(value: object) -> bool:
    return bool(np.isnan(np.float64(value)))  # type: ignore[arg-type]  # a cell of a column of numbers


def _plain(name: object) -> str:
    """A text of one line that moves no cursor and turns no writing direction."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(name))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def _left_out(n: int, shown: int, word: str) -> str:
    return "" if n == shown else f"and {_count(n - shown, f'further {word}')}"
