"""The picture of interactions: readable for any names and sizes, and saying what the numbers say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest

from interp_pipeline import plots

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    Check = Callable[[Figure], None]
    Words = Callable[[Figure], str]


TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.mark.parametrize("n_outputs", [1, 2, 3, 12])
@pytest.mark.parametrize(
    ("n_features", "names"), [(1, "plain"), (2, "long"), (5, "plain"), (5, "long"), (60, "long"), (60, "hostile")]
)
def test_is_readable(
    n_features: int, names: str, n_outputs: int, make_explanation: Any, make_interactions: Any, assert_readable: Check
) -> None:
    explanation = make_explanation(n_features, n_outputs, names=names)
    assert_readable(plots.interactions(make_interactions(explanation)))
    assert_readable(plots.interactions(make_interactions(explanation, n_pairs=1)))


@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e12])
def test_no_effects_and_extreme_ones_are_readable(
    scale: float, make_explanation: Any, make_interactions: Any, assert_readable: Check
) -> None:
    one = make_interactions(make_explanation(5, 1))
    assert_readable(plots.interactions(replace(one, mean_abs=one.mean_abs * scale)))


def test_names_the_strongest_pairs_and_what_features_do_alone(
    make_explanation: Any, make_interactions: Any, words: Words
) -> None:
    one = make_interactions(make_explanation(5, 1))
    sizes = np.zeros((5, 5, 1))
    sizes[3, 1] = sizes[1, 3] = 40.0
    sizes[0, 4] = sizes[4, 0] = 20.0
    sizes[2, 3] = sizes[3, 2] = 0.1  # under a hundredth of the largest
    sizes[range(5), range(5), 0] = [100.0, 7.0, 300.0, 8.0, 9.0]
    figure = plots.interactions(replace(one, mean_abs=sizes, rows=one.rows[:50], values=one.values[:50]))
    text = words(figure)
    assert text.startswith("feature_1 and feature_3 interact most: their joint effect on the price is 40 on average")
    assert "features alone make up 88 % of all effects, 3 pairs the rest" in text  # 424 of 484.1
    assert "interactions of 50 rows" in text
    bars, cells = figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == [
        f"feature_{i} {TIMES} feature_{j}" for i, j in ((1, 3), (0, 4), (2, 3))
    ]
    assert [bar.get_width() for bar in bars.patches] == [40.0, 20.0, 0.1]
    numbers = [each.get_text() for each in cells.texts]
    assert sorted(numbers) == sorted(["40", "20", "100", "7", "300", "8", "9"])  # 0.1 is next to nothing


def test_where_nothing_acts_together_it_says_so(make_explanation: Any, make_interactions: Any, words: Words) -> None:
    text = words(plots.interactions(make_interactions(make_explanation(4, 2), n_pairs=0)))
    assert "No two features move the probability of good together: each acts alone" in text
    assert TIMES not in text


def test_the_map_holds_the_features_of_the_strongest_pairs(make_explanation: Any, make_interactions: Any) -> None:
    one = make_interactions(make_explanation(30, 1), n_pairs=0)
    weak = one.explanation.ranking[-2:]  # the two that matter least are the only ones that interact
    sizes = one.mean_abs.copy()
    sizes[weak[0], weak[1]] = sizes[weak[1], weak[0]] = 1.0
    named = [text.get_text() for text in plots.interactions(replace(one, mean_abs=sizes)).texts]
    assert {f"feature_{j}" for j in weak} <= set(named)
    assert sum(name in one.explanation.feature_names for name in named) == 10


def test_the_same_numbers_give_the_same_bytes_whatever_the_users_settings(
    make_explanation: Any, make_interactions: Any
) -> None:
    one = make_interactions(make_explanation(8, 3))
    content = plots.to_png(plots.interactions(one))
    assert content == plots.to_png(plots.interactions(one))
    with mpl.rc_context({"text.usetex": True, "font.size": 30, "axes.grid": True, "image.cmap": "hot"}):
        assert content == plots.to_png(plots.interactions(one))
