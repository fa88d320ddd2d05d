"""Explanations of every shape, and the check that a figure can be read."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure
    from matplotlib.text import Text

CATEGORIES = ("no account", "below 0", "0 to 200", "200 or more, or salary paid in for one year or longer at this bank")
HOSTILE_CATEGORIES = ("$a$", "b\nc", "<b>x</b>", "特")
HOSTILE = (
    "nul\x00byte\nnew\tline",
    "$x_1^2$ & {brace} %s <script>alert(1)</script>",
    "\u202eright-to-left override",
    "שלום עולם",
    "مرحبا",
    "特征名称",
    "emoji 🎉 feature",
    "\u0301\u0302 combining",
    r"costs in $\frac{$",
    "_under_{score}_^",
)
LONG = "customer_relationship.monthly_average_of_outstanding_balances_over_the_last"


class MakeExplanation(Protocol):
    """Builds an explanation of the given shape."""

    def __call__(
        self,
        n_features: int = 5,
        n_outputs: int = 2,
        *,
        n_rows: int = 60,
        names: str = "plain",
        lime: bool = False,
        r2: float = 0.6,
        seed: int = 0,
    ) -> Explanation: ...


def feature_names(count: int, kind: str) -> list[str]:
    """Short, 80-character or hostile names."""
    if kind == "long":
        return [f"{LONG[:76]:x<76}_{i:03d}" for i in range(count)]
    if kind == "hostile":
        return [HOSTILE[i % len(HOSTILE)] + (f" {i}" if i >= len(HOSTILE) else "") for i in range(count)]
    return [f"feature_{i}" for i in range(count)]


def _column(kind: int, n_rows: int, names: str, rng: np.random.Generator) -> tuple[pd.Series, np.ndarray]:
    """Raw values of one of five kinds, some missing, and the numbers behind them."""
    if kind == 0:
        numbers = rng.gamma(2, 2000, n_rows).round()
        column = pd.Series(numbers.copy())
    elif kind == 1:
        numbers = rng.integers(0, 4, n_rows).astype(float)
        labels = HOSTILE_CATEGORIES if names == "hostile" else CATEGORIES
        column = pd.Series([labels[int(code)] for code in numbers], dtype=object)
    elif kind == 2:
        numbers = rng.normal(0, 1, n_rows)
        column = pd.Series(numbers.copy())
    elif kind == 3:
        numbers = rng.integers(0, 1500, n_rows).astype(float)
        column = pd.Series(pd.Timestamp("2019-01-01") + pd.to_timedelta(numbers, "D"))
    else:
        numbers = rng.integers(0, 2, n_rows).astype(float)
        return pd.Series(numbers > 0), numbers
    column[rng.random(n_rows) < 0.07] = None
    return column, numbers


def build(  # the same for every call with the same arguments
    n_features: int = 5,
    n_outputs: int = 2,
    *,
    n_rows: int = 60,
    names: str = "plain",
    lime: bool = False,
    r2: float = 0.6,
    seed: int = 0,
) -> Explanation:
    rng = np.random.default_rng(seed)
    pairs = [_column(j % 5, n_rows, names, rng) for j in range(n_features)]
    data = pd.concat([column for column, _ in pairs], axis=1)
    data.columns = feature_names(n_features, names)
    data.index = rng.permutation(10 * n_rows)[:n_rows]
    numbers = np.stack([(x - x.mean()) / (x.std() or 1) for _, x in pairs], axis=1)
    scale = 1000 if n_outputs == 1 else 1
    weights = scale * rng.normal(0, 0.12, (n_features, n_outputs)) * (0.8 ** np.arange(n_features))[:, None]
    values = np.tanh(numbers)[:, :, None] * weights
    values += rng.normal(0, 0.1, values.shape) * np.abs(weights)
    if n_outputs == 2:
        values[:, :, 0] = -values[:, :, 1]
    elif n_outputs > 2:
        values -= values.mean(axis=2, keepdims=True)
    base = np.full((n_rows, n_outputs), 5000.0 if n_outputs == 1 else 1 / n_outputs)
    outputs = {1: ("price",), 2: ("bad", "good")}.get(n_outputs)
    if outputs is None:
        classes = HOSTILE if names == "hostile" else ["setosa", "versicolor", "virginica"]
        outputs = tuple(classes[i] if i < len(classes) else f"class {i}" for i in range(n_outputs))
        if names == "long":
            outputs = tuple(f"{name} {LONG}"[:80] for name in outputs)
    return Explanation(
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=data,
        output_names=outputs,
        output_unit="price" if n_outputs == 1 else "probability",
        positive_class="good" if n_outputs == 2 else None,
        method="lime_tabular" if lime else "shap_tree",
        seed=1,
        cost=Cost(seconds=1.0, model_evaluations=0),
        local_r2=np.full((n_rows, n_outputs), r2) if lime else None,
    )


@pytest.fixture
def make_explanation() -> MakeExplanation:
    return build


def build_interactions(explanation: Explanation, *, n_pairs: int | None = None, seed: int = 0) -> Interactions:
    """Joint effects of the first ``n_pairs`` pairs, all by default, the earlier the stronger."""
    rng = np.random.default_rng(seed)
    n_rows, n_features, n_outputs = explanation.values.shape
    every = list(combinations(range(n_features), 2))
    pairs = every[: len(every) if n_pairs is None else n_pairs]
    mean_abs = np.zeros((n_features, n_features, n_outputs))
    mean_abs[range(n_features), range(n_features)] = explanation.mean_abs
    scale = float(explanation.mean_abs.max()) / 3
    for rank, (i, j) in enumerate(pairs):
        mean_abs[i, j] = mean_abs[j, i] = scale * 0.8**rank * rng.uniform(0.8, 1.0)
    return Interactions(
        explanation=explanation,
        rows=tuple(range(n_rows)),
        mean_abs=mean_abs,
        mean=-mean_abs / 2,
        pairs=(),
        values=np.zeros((n_rows, 0, n_outputs)),
        cost=Cost(seconds=1.0, model_evaluations=0),
    )


@pytest.fixture
def make_interactions() -> Callable[..., Interactions]:
    return build_interactions


@pytest.fixture
def make_features() -> Callable[..., pd.DataFrame]:
    """Comparison tables: importances and ranks of features in several versions."""

    def make(n_features: int, labels: tuple[str, ...], names: str = "plain") -> pd.DataFrame:
        rng = np.random.default_rng(3)
        first = rng.gamma(1, 0.03, n_features)
        versions = [first, *(np.abs(first + rng.normal(0, 0.01, n_features)) for _ in labels[1:])]
        columns: dict[str, Any] = {"feature": feature_names(n_features, names)}
        for label, values in zip(labels, versions, strict=True):
            columns[f"importance_{label}"] = values
            columns[f"rank_{label}"] = pd.Series(-values).rank(method="first").astype(int)
        delta = versions[-1] - versions[0]
        columns |= {"delta": delta, "ci_low": delta - 0.008, "ci_high": delta + 0.008}
        columns["significant"] = np.abs(delta) > 0.008
        return pd.DataFrame(columns)

    return make


def drawn_texts(figure: Figure) -> Iterator[tuple[str, Text]]:
    """Every piece of text that is drawn, and where it comes from."""
    for text in figure.texts:
        yield "figure", text
    for ax in figure.axes:
        if not ax.axison:
            continue
        for text in [*ax.texts, ax.title, ax.xaxis.label, ax.yaxis.label]:
            yield "axes", text
        for axis in (ax.xaxis, ax.yaxis):
            for tick in axis._update_ticks():
                for text in (tick.label1, tick.label2):
                    yield "tick", text


@pytest.fixture
def words() -> Callable[[Figure], str]:
    """All text of a figure, line breaks undone."""

    def read(figure: Figure) -> str:
        figure.canvas.draw()
        return " | ".join(text.get_text().replace("\n", " ") for _, text in drawn_texts(figure) if text.get_visible())

    return read


@pytest.fixture
def assert_readable() -> Callable[[Figure], None]:
    """No text is cut off by the figure's edge, and no two texts overlap."""

    def check(figure: Figure) -> None:
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()
        boxes = []
        for _, text in drawn_texts(figure):
            if text.get_visible() and text.get_text().strip():
                box = text.get_window_extent(renderer)
                label = repr(text.get_text())
                assert box.x0 >= -0.5, f"{label} is cut off at the left: {box}"
                assert box.y0 >= -0.5, f"{label} is cut off at the bottom: {box}"
                assert box.x1 <= figure.bbox.x1 + 0.5, f"{label} is cut off at the right: {box}, {figure.bbox}"
                assert box.y1 <= figure.bbox.y1 + 0.5, f"{label} is cut off at the top: {box}"
                boxes.append((label, box))
        assert boxes, "a figure without words explains nothing"
        for (first, a), (second, b) in combinations(boxes, 2):
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            down = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across <= 1 or down <= 1, f"{first} overlaps {second} by {across:.1f} x {down:.1f} pixels"

    return check
