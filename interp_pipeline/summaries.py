"""Explanations, interactions and comparisons in a few lines: what a notebook and a terminal show of them."""

from __future__ import annotations

import dataclasses
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.readable import level_number, number, share, signed, value_text, years_in
from interp_pipeline.rounding import all_without_noise
from interp_pipeline.surrogate_fit import LEAST_R2, hardly_follows

if TYPE_CHECKING:
    from rich.console import Group

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.explanation import Explanation, FloatArray
    from interp_pipeline.interactions import Interactions

__all__ = [
    "PROBABILITY",
    "Summary",
    "summary_of_comparison",
    "summary_of_explanation",
    "summary_of_interactions",
]

PROBABILITY = "probability"  # unit of classifiers that give probabilities

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
    notes: tuple[str, ...] = ()  # what the table does not show, and how far to rely on it

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
        return Group(Text(self.caption), table, *map(Text, self.notes))

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
        rest = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<p>{html.escape(self.caption)}</p><table>{table}</table>{rest}"


def summary_of_explanation(explanation: Explanation) -> Summary:
    """The most important features: of one row what each does, of several how much."""
    values = all_without_noise(explanation.values, explanation.base_values, explanation.predictions)
    explanation = dataclasses.replace(explanation, values=values)
    if len(explanation.data) == 1:
        return _of_one_row(explanation)
    word, names = _word(explanation), explanation.feature_names
    shown = list(explanation.ranking[:_MOST_LINES])
    scale, outputs = _scale(explanation.output_unit), explanation.summary_outputs
    sizes = scale * explanation.importance
    errors = scale * explanation.importance_std_error
    columns = ["feature", f"mean |{word}|", "std. error"]
    lines = [[_plain(names[j]), number(float(sizes[j])), number(float(errors[j]), 2)] for j in shown]
    if len(outputs) == 1:
        columns.append(f"mean {word}")
        mean = scale * explanation.values[:, :, outputs[0]].mean(axis=0)
        for line, j in zip(lines, shown, strict=True):
            line.append(signed(float(mean[j])))
    notes = [_others(len(names) - len(shown), explanation.importance, shown, word)]
    return Summary(
        caption=_caption(explanation, _count(len(explanation.data), "row")),
        columns=tuple(columns),
        lines=tuple(map(tuple, lines)),
        notes=tuple(filter(None, [*notes, _fidelity(explanation)])),
    )


def _of_one_row(explanation: Explanation) -> Summary:
    """What each feature does; of SHAP values with what they add up from and to."""
    shown = list(explanation.ranking[:_MOST_LINES])
    rest = list(explanation.ranking[_MOST_LINES:])
    outputs = sorted(explanation.summary_outputs, key=lambda k: -explanation.predictions[0, k])[:_MOST_OUTPUTS]
    scale, word, adds_up = _scale(explanation.output_unit), _word(explanation), explanation.local_r2 is None
    heads = [word if len(outputs) == 1 else f"{word}: {_plain(explanation.output_names[k])}" for k in outputs]
    row, values = explanation.data.iloc[0], explanation.values[0]
    lines = [
        (
            _plain(explanation.feature_names[j]),
            _plain(value_text(row.iloc[j], year=years_in(explanation.data.iloc[:, j]))),
            *(signed(scale * float(values[j, k])) for k in outputs),
        )
        for j in shown
    ]
    if adds_up:
        ends = explanation.base_values, explanation.predictions
        levels = [[_level(explanation, array[0, k]) for k in outputs] for array in ends]
        together = [signed(scale * float(values[rest, k].sum())) for k in outputs]
        others = [(f"{_count(len(rest), 'other feature')} together", "", *together)] if rest else []
        lines = [("average prediction", "", *levels[0]), *lines, *others, ("prediction", "", *levels[1])]
    notes = [] if adds_up else [_others(len(rest), explanation.importance, shown, word)]
    return Summary(
        caption=_caption(explanation, f"row {explanation.row_ids[0]}") + ("" if adds_up else _predicted(explanation)),
        columns=("feature", "value", *heads),
        lines=tuple(lines),
        notes=tuple(filter(None, [*notes, _fidelity(explanation)])),
    )


def _caption(explanation: Explanation, rows: str) -> str:
    """Which numbers of which rows, and what they are effects on."""
    kind = "SHAP values" if explanation.local_r2 is None else "LIME weights"
    by = f" by {explanation.method}" if explanation.local_r2 is None else ""
    return f"{kind} of {rows}{by}, {_explained(explanation)}"


def _word(explanation: Explanation) -> str:
    return "effect" if explanation.local_r2 is None else "weight"


def _scale(unit: str) -> float:
    """Effects on probabilities are told in points, as reports and plots do."""
    return 100.0 if unit == PROBABILITY else 1.0


def _level(explanation: Explanation, amount: float) -> str:
    unit = explanation.output_unit
    return f"{number(100 * float(amount))} %" if unit == PROBABILITY else level_number(float(amount), unit, 4)


def _predicted(explanation: Explanation) -> str:
    outputs = sorted(explanation.summary_outputs, key=lambda k: -explanation.predictions[0, k])[:_MOST_OUTPUTS]
    single = len(outputs) == 1
    told = [
        ("" if single else f"{_plain(explanation.output_names[k])} ")
        + _level(explanation, explanation.predictions[0, k])
        for k in outputs
    ]
    return f"; prediction: {', '.join(told)}"


def _others(n: int, sizes: FloatArray, shown: list[int], word: str) -> str:
    """Features without a line, and what share of everything they have; empty where there are none."""
    if n == 0:
        return ""
    whole = float(sizes.sum())
    return f"and {_count(n, 'other feature')}, {share(whole - float(sizes[shown].sum()), whole)} of all {word} together"


def _fidelity(explanation: Explanation) -> str:
    """How well LIME's models follow the model, with a warning where they hardly do; empty for SHAP."""
    if explanation.local_r2 is None:
        return ""
    fits = explanation.local_r2[:, list(explanation.summary_outputs)]
    low = int(hardly_follows(fits).any(axis=1).sum())
    mean, least = number(float(fits.mean()), 2), number(float(fits.min()), 2)
    if len(fits) == 1:
        told = f"R² of LIME's model: {mean}" if fits.size == 1 else f"R² of LIME's models: {mean} on average"
        warning = "Do not rely on these weights, read the SHAP values of this row."
    else:
        told = f"R² of LIME's models: {mean} on average, {least} at the lowest"
        warning = (
            f"Do not rely on the weights of the {_count(low, 'row')} below {LEAST_R2}, read the SHAP values of "
            f"{'that row' if low == 1 else 'those rows'}."
        )
    return f"{told}. {warning}" if low else f"{told} (1 would be perfect)."


def _explained(explanation: Explanation) -> str:
    """What the effects are effects on."""
    unit = _plain(explanation.output_unit)
    opening = "in points of the probability" if explanation.output_unit == PROBABILITY else f"of {unit}"
    if explanation.positive_class is not None:
        return f"{opening} of {_plain(explanation.positive_class)}"
    many = len(explanation.output_names)
    return opening if many == 1 else f"{opening}, over {many} outputs"


def summary_of_interactions(interactions: Interactions) -> Summary:
    """The strongest pairs."""
    names, ranking = interactions.explanation.feature_names, interactions.ranking
    shown = ranking[:_MOST_LINES]
    scale = _scale(interactions.explanation.output_unit)
    left = [float(interactions.strength[pair]) for pair in ranking[_MOST_LINES:]]
    further = f"and {_count(len(left), 'further pair')}, {share(sum(left), interactions.total)} of all effects together"
    return Summary(
        caption=f"Interactions in {_count(len(interactions.rows), 'row')}, {_explained(interactions.explanation)}",
        columns=("features", "mean |joint effect|", "share of all effects"),
        lines=tuple(
            (
                f"{_plain(names[a])} \N{MULTIPLICATION SIGN} {_plain(names[b])}",
                number(scale * float(interactions.strength[a, b])),
                share(float(interactions.strength[a, b]), interactions.total),
            )
            for a, b in shown
        ),
        notes=(further,) if left else (),
    )


def summary_of_comparison(comparison: Comparison) -> Summary:
    """The features by their importance in the reference, and the shift of the last version, if that is beyond noise."""
    table = comparison.pair(comparison.labels[-1])
    shown = table.head(_MOST_LINES)
    importance = [f"importance_{label}" for label in comparison.labels]
    scale = _scale(comparison.output_unit)
    lines = []
    for record in shown.to_dict("records"):
        clear = "yes" if record["significant"] else "no"
        cells = [number(scale * float(record[column])) if not _is_gap(record[column]) else "-" for column in importance]
        lines.append((_plain(record["feature"]), *cells, signed(scale * float(record["delta"])), clear))
    correlation = comparison.metrics["rank_correlation"]
    last = _plain(comparison.labels[-1])
    return Summary(
        caption=(
            f"{_plain(comparison.reference)} and {last} on {_count(comparison.n_rows, 'row')}: "
            f"rank correlation {number(correlation, 2)}{', effects in points' if scale > 1 else ''}"
        ),
        columns=("feature", *map(_plain, comparison.labels), f"shift to {last}", "beyond noise"),
        lines=tuple(lines),
        notes=(f"and {_count(len(table) - len(shown), 'further feature')}",) if len(table) > len(shown) else (),
    )


def _is_gap(value: object) -> bool:
    return bool(np.isnan(np.float64(value)))  # type: ignore[arg-type]  # a cell of a column of numbers


def _plain(name: object) -> str:
    """A text of one line that moves no cursor and turns no writing direction."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in str(name))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"
