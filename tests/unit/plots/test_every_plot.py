"""Every plot, at 5 and 60 features, for every task, with long and hostile names: can it be read?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import interp_pipeline
from interp_pipeline import plots
from interp_pipeline.plots.agreement_plot import draw_agreement_matrix
from interp_pipeline.plots.disagreement_plot import draw_disagreement
from interp_pipeline.plots.rank_flow_plot import draw_rank_flow
from interp_pipeline.plots.shift_plot import draw_shift

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation

    Check = Callable[[Figure], None]

SHAPES = [
    pytest.param((n_features, n_outputs, names), id=f"{n_features}-features-{n_outputs}-outputs-{names}")
    for n_features, names in ((5, "plain"), (5, "long"), (60, "long"), (60, "hostile"))
    for n_outputs in (1, 2, 3)
]
TWO = ("credit-rf/3", "credit-keras/1")
FOUR = ("a-very-long-registered-model-name-for-credit-risk-scoring-in-production/12", "$b$/2", "c\nd/3", "特/1")
PER_EXPLANATION: dict[str, Callable[[Explanation], Figure]] = {
    "importance": plots.importance,
    "beeswarm": plots.beeswarm,
    "heatmap": plots.heatmap,
    "waterfall": lambda explanation: plots.waterfall(explanation, explanation.row_ids[2]),
    "number": lambda explanation: plots.dependence(explanation, explanation.feature_names[0]),
    "category": lambda explanation: plots.dependence(explanation, explanation.feature_names[1]),
    "date": lambda explanation: plots.dependence(explanation, explanation.feature_names[3]),
}


@pytest.mark.parametrize("plot", PER_EXPLANATION)
@pytest.mark.parametrize("shape", SHAPES)
def test_explanations_are_readable(
    plot: str, shape: tuple[int, int, str], make_explanation: Any, assert_readable: Check
) -> None:
    n_features, n_outputs, names = shape
    assert_readable(PER_EXPLANATION[plot](make_explanation(n_features, n_outputs, names=names)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("r2", [0.8, 0.1])
def test_lime_is_readable(
    shape: tuple[int, int, str], r2: float, make_explanation: Any, assert_readable: Check
) -> None:
    n_features, n_outputs, names = shape
    explanation = make_explanation(n_features, n_outputs, names=names, lime=True, r2=r2)
    assert_readable(plots.lime(explanation, explanation.row_ids[2]))
    assert_readable(plots.importance(explanation))


@pytest.mark.parametrize("plot", PER_EXPLANATION)
@pytest.mark.parametrize("n_outputs", [4, 12])
@pytest.mark.parametrize("names", ["plain", "long"])
def test_many_classes_are_readable(
    plot: str, n_outputs: int, names: str, make_explanation: Any, assert_readable: Check
) -> None:
    assert_readable(PER_EXPLANATION[plot](make_explanation(8, n_outputs, names=names)))


@pytest.mark.parametrize("plot", PER_EXPLANATION)
@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_a_handful_of_rows_is_readable(plot: str, n_rows: int, make_explanation: Any, assert_readable: Check) -> None:
    explanation = make_explanation(5, 2, n_rows=n_rows)
    figure = (
        plots.waterfall(explanation, explanation.row_ids[0])
        if plot == "waterfall"
        else PER_EXPLANATION[plot](explanation)
    )
    assert_readable(figure)


@pytest.mark.parametrize("plot", PER_EXPLANATION)
@pytest.mark.parametrize("scale", [0.0, 1e-9, 1e12])
def test_no_effects_and_extreme_ones_are_readable(
    plot: str, scale: float, make_explanation: Any, assert_readable: Check
) -> None:
    one = make_explanation(5, 1)
    values = one.values * scale
    other = type(one)(
        **{
            **{name: getattr(one, name) for name in one.__dataclass_fields__},
            "values": values,
            "predictions": one.base_values + values.sum(axis=1),
        }
    )
    assert_readable(PER_EXPLANATION[plot](other))


@pytest.mark.parametrize("labels", [TWO, FOUR])
@pytest.mark.parametrize("n_features", [1, 5, 60])
@pytest.mark.parametrize("names", ["plain", "long", "hostile"])
def test_comparisons_are_readable(
    labels: tuple[str, ...], n_features: int, names: str, make_features: Any, assert_readable: Check
) -> None:
    features = make_features(n_features, labels, names)
    assert_readable(draw_shift(features, labels))
    assert_readable(draw_rank_flow(features, labels))


def test_agreement_and_disagreement_are_readable(assert_readable: Check) -> None:
    rng = np.random.default_rng(0)
    for n_versions in (2, 4, 10):
        matrix = np.clip(np.eye(n_versions) + rng.normal(0, 0.4, (n_versions, n_versions)), -1, 1)
        labels = [(*FOUR, *map(str, range(6)))[i] for i in range(n_versions)]
        assert_readable(draw_agreement_matrix(matrix, labels))
    for distances in (rng.gamma(2, 0.03, 200), np.zeros(5), [1e-9, 2e-9], [3e7]):
        assert_readable(draw_disagreement(pd.DataFrame({"row_id": range(len(distances)), "distance": distances})))


@pytest.mark.parametrize("n_classes", [2, 3, 12, 30])
@pytest.mark.parametrize("scale", [1, 1_000_000])
@pytest.mark.parametrize("name", ["class {}", "$x_{}$ <b>特\n", f"{'class_with_a_long_name_' * 3}{{}}"])
def test_confusion_matrices_are_readable(n_classes: int, scale: int, name: str, assert_readable: Check) -> None:
    rng = np.random.default_rng(0)
    counts = scale * (rng.integers(0, 9, (n_classes, n_classes)) + np.diag(rng.integers(5, 90, n_classes)))
    assert_readable(plots.confusion_matrix(counts, [name.replace("{}", str(i)) for i in range(n_classes)]))


@pytest.mark.parametrize("target", ["price", "x" * 80, "$特\x00"])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_training_plots_are_readable(target: str, scale: float, assert_readable: Check) -> None:
    rng = np.random.default_rng(0)
    actual = rng.gamma(3, scale, 200)
    assert_readable(plots.residuals(actual, actual + rng.normal(0, scale / 3, 200), target))
    assert_readable(plots.residuals(actual[:1], actual[:1], target))
    falling = list(scale * np.exp(-np.arange(12) / 3))
    assert_readable(plots.epochs({"loss": falling, "val_loss": falling, target: falling, f"val_{target}": falling}))
    assert_readable(plots.epochs({"loss": falling[:1]}))


def test_the_same_explanation_gives_the_same_bytes(make_explanation: Any) -> None:
    explanation = make_explanation(8, 3)
    for draw in PER_EXPLANATION.values():
        content = plots.to_png(draw(explanation))
        assert content.startswith(b"\x89PNG")
        assert b"Software" not in content
        assert content == plots.to_png(draw(explanation))


def test_the_users_own_matplotlib_settings_change_nothing(make_explanation: Any) -> None:
    explanation = make_explanation(6, 2)
    plain = {name: plots.to_png(draw(explanation)) for name, draw in PER_EXPLANATION.items()}
    hostile = {
        "text.usetex": True,
        "font.size": 30,
        "font.family": "serif",
        "figure.facecolor": "black",
        "savefig.facecolor": "black",
        "axes.facecolor": "black",
        "axes.grid": True,
        "axes.titlesize": 40,
        "xtick.labelsize": 40,
        "ytick.minor.visible": True,
        "figure.constrained_layout.use": True,
        "savefig.bbox": "tight",
    }
    with mpl.rc_context(hostile):
        assert {name: plots.to_png(draw(explanation)) for name, draw in PER_EXPLANATION.items()} == plain


def test_importing_the_room_imports_no_matplotlib_and_drawing_no_pyplot() -> None:
    program = (
        "import sys; from interp_pipeline import plots; assert 'matplotlib' not in sys.modules; "
        "plots.epochs({'loss': [2.0, 1.0]}); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(interp_pipeline.__file__).parents[1])


def test_names_exported_are_callable_even_after_their_modules_were_imported() -> None:
    for name in plots.__all__:
        assert callable(getattr(plots, name)), name
    assert dir(plots) == sorted(plots.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        plots.nonsense  # noqa: B018 - the access is the test
