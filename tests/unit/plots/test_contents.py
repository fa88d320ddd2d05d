"""What the plots say: the right numbers, in the right order, with the right words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline import plots
from interp_pipeline.errors import UsageError
from interp_pipeline.plots.agreement_plot import draw_agreement_matrix
from interp_pipeline.plots.columns import read_column
from interp_pipeline.plots.dependence_panels import CategoryStrips, binned_median, median_line
from interp_pipeline.plots.disagreement_plot import draw_disagreement
from interp_pipeline.plots.heatmap_plot import similarity_order
from interp_pipeline.plots.rank_flow_plot import draw_rank_flow
from interp_pipeline.plots.shift_plot import draw_shift
from interp_pipeline.plots.text import number, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from interp_pipeline.explanation import Explanation

    Words = Callable[[Figure], str]


def test_importance_names_the_first_feature_and_tells_the_share_of_the_others(
    make_explanation: Any, words: Words
) -> None:
    explanation = make_explanation(60, 2)
    text = words(plots.importance(explanation, top=10))
    best = explanation.ranking[0]
    assert (
        f"feature_{best} moves the probability of good most, by {number(100 * explanation.importance[best])} points"
        in text
    )
    rest = explanation.importance[list(explanation.ranking[10:])].sum() / explanation.importance.sum()
    assert f"And 50 other features, {100 * rest:.0f} % of all effect together." in text
    lengths = [bar.get_width() for bar in plots.importance(explanation, top=10).axes[0].patches]
    np.testing.assert_allclose(lengths, 100 * explanation.importance[list(explanation.ranking[:10])])


def test_importance_of_one_row_is_no_average_and_has_no_interval(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(5, 2, n_rows=1)
    figure = plots.importance(explanation)
    text = words(figure)
    assert f"Row {explanation.row_ids[0]}: feature_" in text
    for word in ("average", "mean", "interval", "over the rows"):
        assert word not in text
    assert not figure.axes[0].collections
    others = explanation.values[:, list(explanation.ranking[10:]), explanation.summary_outputs[0]]
    assert number(100 * float(np.abs(others.sum(axis=1)).mean())) in text


def test_importance_draws_bars_as_long_as_the_importance(make_explanation: Any) -> None:
    explanation = make_explanation(5, 3)
    ax = plots.importance(explanation).axes[0]
    lengths = np.zeros(5)
    for container in ax.containers[:3]:
        lengths += [bar.get_width() for bar in container]
    np.testing.assert_allclose(lengths, 100 * explanation.importance[list(explanation.ranking)])


def test_importance_without_effect_says_so(make_explanation: Any, words: Words) -> None:
    one = make_explanation(5, 1)
    none = replace(one, values=np.zeros_like(one.values), predictions=one.base_values)
    assert "No feature moves the price" in words(plots.importance(none))


def test_beeswarm_has_a_dot_per_row_and_feature_and_hollow_ones_for_missing(make_explanation: Any) -> None:
    explanation = make_explanation(5, 2)
    known, missing = plots.beeswarm(explanation).axes[0].collections[:2]
    n_missing = int(explanation.data.isna().sum().sum())
    assert n_missing > 0
    assert len(missing.get_offsets()) == n_missing
    assert len(known.get_offsets()) + n_missing == explanation.data.size


def test_beeswarm_names_the_categories_at_the_ends(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(5, 1)
    effects = pd.Series(explanation.values[:, 4, 0]).groupby(explanation.data.iloc[:, 4].to_numpy()).mean()
    text = words(plots.beeswarm(explanation))
    assert "lowered most by" in text
    assert str(effects.idxmax()).lower() in text


def test_beeswarm_says_how_many_classes_it_leaves_out(make_explanation: Any, words: Words) -> None:
    figure = plots.beeswarm(make_explanation(4, 12))
    assert "8 of 12 classes" in words(figure)


def test_heatmap_shows_every_row_once(make_explanation: Any) -> None:
    explanation = make_explanation(6, 3)
    order = similarity_order(
        explanation.values[:, :, 0], explanation.predictions[:, 0], explanation.predictions.argmax(axis=1)
    )
    assert sorted(order) == list(range(60))
    classes = explanation.predictions.argmax(axis=1)[order]
    assert (np.diff(classes) != 0).sum() == len(np.unique(classes)) - 1  # classes stay together


def test_similar_rows_become_neighbours() -> None:
    rng = np.random.default_rng(0)
    kind = rng.choice([0, 1, 5], 90)
    values = kind[:, None] + rng.normal(0, 0.05, (90, 3))
    order = similarity_order(values, kind.astype(float), np.zeros(90, dtype=np.intp))
    assert kind[order].tolist() == sorted(kind)  # and lower predictions come first


def test_rows_beyond_clustering_are_ordered_by_prediction() -> None:
    predictions = np.random.default_rng(0).random(2001)
    order = similarity_order(np.zeros((2001, 2)), predictions, np.zeros(2001, dtype=np.intp))
    assert (np.diff(predictions[order]) >= 0).all()


def test_dependence_sorts_categories_by_their_mean_effect() -> None:
    column = read_column(pd.Series(["a", "b", "c", "b", None]))
    strips = CategoryStrips.arrange(column, np.array([[0.1], [0.5], [-0.2], [0.3], [0.0]]))
    assert strips.labels == ("b (2)", "a (1)", "c (1)", "missing (1)")
    assert strips.hollow == (False, False, False, True)


def test_dependence_pools_rare_categories() -> None:
    column = read_column(pd.Series([f"c{i:02d}" for i in range(40)] + ["c00"]))
    strips = CategoryStrips.arrange(column, np.linspace(0, 1, 41)[:, None])
    assert len(strips.labels) == 15
    assert strips.labels[-1] == "26 rarer categories (26)"
    assert sum(len(members) for members in strips.members) == 41


def test_dependence_puts_missing_values_apart(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(5, 1)
    figure = plots.dependence(explanation, "feature_0")
    hollow = figure.axes[0].collections[-1].get_offsets()
    assert len(hollow) == explanation.data["feature_0"].isna().sum() > 0
    assert hollow[:, 0].min() > explanation.data["feature_0"].max()
    assert "missing" in words(figure)


def test_dependence_on_a_feature_without_any_value(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(5, 1)
    data = explanation.data.copy()
    data["feature_0"] = np.nan
    assert "missing (60)" in words(plots.dependence(replace(explanation, data=data), "feature_0"))


def test_binned_median_follows_the_curve() -> None:
    x = np.linspace(0, 10, 500)
    places, medians = binned_median(x, x**2)
    np.testing.assert_allclose(medians, places**2, rtol=0.1, atol=0.1)
    few, _ = binned_median(np.array([1.0, 1.0, 2.0]), np.array([0.0, 2.0, 5.0]))
    assert few.tolist() == [1.0, 2.0]


def test_a_line_that_would_hide_the_dots_is_not_drawn(make_explanation: Any, words: Words) -> None:
    x = np.linspace(0, 10, 500)
    for straight in (3 * x - 1, np.zeros(500)):
        assert [len(part) for part in median_line(x, straight)] == [0, 0]
    scattered = 3 * x + np.random.default_rng(0).normal(size=500)
    assert len(median_line(x, scattered)[0]) > 1
    explanation = make_explanation(5, 1)
    assert "line: median" in words(plots.dependence(explanation, "feature_0"))
    values = explanation.values.copy()
    values[:, 0, 0] = explanation.data["feature_0"].fillna(0).to_numpy()
    assert "line: median" not in words(plots.dependence(replace(explanation, values=values), "feature_0"))


def test_waterfall_steps_from_the_average_to_the_prediction(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(30, 2)
    figure = plots.waterfall(explanation, explanation.row_ids[4], top=6)
    bars = figure.axes[0].patches
    base, prediction = 100 * explanation.base_values[4, 1], 100 * explanation.predictions[4, 1]
    assert len(bars) == 7
    assert bars[0].get_x() == pytest.approx(base)
    assert bars[-1].get_x() + bars[-1].get_width() == pytest.approx(prediction)
    text = words(figure)
    assert f"Row {explanation.row_ids[4]}: why the probability of good is {number(prediction)} %" in text
    assert "24 other features together" in text
    largest = int(np.abs(explanation.values[4, :, 1]).argmax())
    assert signed(100 * float(explanation.values[4, largest, 1])) in text
    assert "probability of good (%)" in text


def test_waterfall_explains_the_predicted_class(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(5, 3)
    predicted = explanation.output_names[int(explanation.predictions[0].argmax())]
    assert f"why the probability of {predicted} is" in words(plots.waterfall(explanation, explanation.row_ids[0]))


def test_one_feature_over_is_drawn_not_grouped(make_explanation: Any, words: Words) -> None:
    explanation = make_explanation(13, 1)
    assert "other feature" not in words(plots.waterfall(explanation, explanation.row_ids[0], top=12))


def _row(make_explanation: Any, values: list[float], base: float = 0.5) -> Explanation:
    """One row with these effects on a number."""
    explanation = make_explanation(len(values), 1, n_rows=1)
    explanation = replace(explanation, data=explanation.data.set_axis([0], axis=0))
    effects = np.array(values).reshape(1, -1, 1)
    bases = np.full((1, 1), base)
    return replace(explanation, values=effects, base_values=bases, predictions=bases + effects.sum(axis=1))


def test_waterfall_draws_no_bars_of_rounding(make_explanation: Any, words: Words) -> None:
    text = words(plots.waterfall(_row(make_explanation, [0.2, 1e-19, -0.1, 3e-18]), 0))
    assert "e\N{MINUS SIGN}" not in text
    assert "2 other features together" in text
    assert " | 0 | " in text  # what they do
    one = plots.waterfall(_row(make_explanation, [0.2, 1e-19, -0.1]), 0)
    assert "other feature" not in words(one)  # the one that does nothing is named
    assert sorted(bar.get_width() for bar in one.axes[0].patches) == pytest.approx([-0.1, 0.0, 0.2])


def test_effects_that_are_small_and_real_are_drawn(make_explanation: Any, words: Words) -> None:
    """Far from zero, as of a time in seconds; and small beside each other."""
    text = words(plots.waterfall(_row(make_explanation, [40.0, -30.0, 0.001], base=1.7e9), 0))
    assert "0.001" in text
    assert "other feature" not in text
    none = words(plots.waterfall(_row(make_explanation, [1e-17, -1e-17], base=1.0), 0))
    assert "2 other features together" in none


def test_importance_shows_rounding_as_nothing(make_explanation: Any, words: Words) -> None:
    text = words(plots.importance(_row(make_explanation, [0.2, 1e-19, -0.1])))
    assert "e\N{MINUS SIGN}" not in text


def test_lime_warns_where_the_surrogate_does_not_follow(make_explanation: Any, words: Words) -> None:
    both = [make_explanation(5, 2, lime=True, r2=r2) for r2 in (0.29, 0.31)]
    poor, good = (words(plots.lime(explanation, explanation.row_ids[0])) for explanation in both)
    assert "Do not rely on these weights" in poor
    assert "Read the SHAP values of this row." in poor
    assert "LIME hardly follows the model around it" in poor  # and no direction that such weights cannot tell
    assert "most" not in poor.partition("LIME weights")[0]
    assert "Do not rely" not in good
    assert "explains 0.31 of" in good


def test_lime_says_how_its_surrogate_was_made(make_explanation: Any, words: Words) -> None:
    lime = make_explanation(5, 2, lime=True)
    assert "kernel width" not in words(plots.lime(lime, 0))  # of an explanation that an earlier release published
    made = {"samples": 5000.0, "kernel_width": 1.677, "features": 5.0}
    text = words(plots.lime(replace(lime, details=made), 0))
    assert "5,000 samples \N{MIDDLE DOT} kernel width 1.68" in text
    assert "in the surrogate" not in text
    fewer = words(plots.lime(replace(lime, details={**made, "features": 2.0}), 0))
    assert "2 features in the surrogate" in fewer


def test_lime_refuses_shap_values(make_explanation: Any) -> None:
    with pytest.raises(UsageError, match="use waterfall"):
        plots.lime(make_explanation(5, 2), 0)


def test_rows_that_were_not_explained_are_refused(make_explanation: Any) -> None:
    explanation = make_explanation()
    other = next(row for row in range(60) if row not in explanation.row_ids)
    with pytest.raises(UsageError, match=f"row {other} was not explained; of the data set's rows these 60 were: "):
        plots.waterfall(explanation, other)


def test_unknown_features_are_refused(make_explanation: Any) -> None:
    with pytest.raises(UsageError, match="'nonsense' is not in the explanation; it has feature_0"):
        plots.dependence(make_explanation(), "nonsense")


def test_confusion_pools_rare_classes(words: Words) -> None:
    counts = np.diag(np.arange(1, 31))
    text = words(plots.confusion_matrix(counts, [f"c{i}" for i in range(30)]))
    assert "100 % of 465 rows" in text
    assert "19 rarer classes" in text
    assert "190" in text  # 1 + ... + 19


def test_confusion_refuses_another_shape() -> None:
    with pytest.raises(UsageError, match="do not fit 3 classes"):
        plots.confusion_matrix(np.eye(2), ["a", "b", "c"])


def test_residuals_state_the_mean_error_and_what_they_leave_out(words: Words) -> None:
    text = words(plots.residuals([1.0, 2.0, np.nan], [2.0, 4.0, 1.0], "price"))
    assert "Predictions of price are off by 1.5 on average" in text
    assert "1 row without finite values left out" in text
    with pytest.raises(UsageError, match="no row has both"):
        plots.residuals([np.nan], [1.0], "price")
    with pytest.raises(UsageError, match="do not belong together"):
        plots.residuals([1.0], [1.0, 2.0], "price")


def test_many_residuals_are_counted_in_hexagons() -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(size=5000)
    (cells,) = plots.residuals(actual, actual, "price").axes[0].collections
    assert 1 < len(cells.get_array()) < 3000


def test_epochs_pair_training_and_validation(words: Words) -> None:
    text = words(plots.epochs({"loss": [0.9, 0.5], "val_loss": [0.8, 0.6], "accuracy": [0.5, 0.7]}))
    assert "The validation loss fell from 0.8 to 0.6" in text
    assert text.count("validation") == 2  # headline and the one curve
    assert "accuracy" in text
    assert "The training loss rose from" in words(plots.epochs({"loss": [0.1, np.nan, 0.5]}))
    with pytest.raises(UsageError, match="no epoch"):
        plots.epochs({"loss": []})


def test_shift_names_the_largest_shift(make_features: Any, words: Words) -> None:
    features = make_features(12, ("a/1", "a/2"))
    moved = features[features["significant"]]
    most = moved.loc[moved["delta"].abs().idxmax()]
    text = words(draw_shift(features, ("a/1", "a/2")))
    assert f"{len(moved)} of 12 features shifted by more than noise, {most['feature']} the most" in text
    none = words(draw_shift(features.assign(significant=False), ("a/1", "a/2")))
    assert "No feature's importance shifted by more than noise" in none


def test_comparisons_bear_features_only_some_versions_know(make_features: Any, words: Words) -> None:
    features = make_features(5, ("a/1", "a/2"))
    features["rank_a/2"] = features["rank_a/2"].astype(float)
    features.loc[2, ["importance_a/2", "rank_a/2", "delta", "ci_low", "ci_high"]] = np.nan
    features.loc[2, "significant"] = False
    features.loc[3, ["ci_low", "ci_high"]] = np.nan
    text = words(draw_shift(features, ("a/1", "a/2")))
    assert "not in every version" in text
    flow = words(draw_rank_flow(features, ("a/1", "a/2")))
    assert flow.count("feature_2 ") == 1  # named on the side that knows it
    assert flow.count("feature_3 ") == 2


def test_rank_flow_names_the_largest_move(words: Words) -> None:
    features = pd.DataFrame({"feature": ["x", "y", "z"], "rank_a": [1, 2, 3], "rank_b": [3, 1, 2]})
    assert "x fell furthest, from rank 1 to rank 3" in words(draw_rank_flow(features, ["a", "b"]))
    same = features.assign(rank_b=features["rank_a"])
    assert "The order of the features did not change" in words(draw_rank_flow(same, ["a", "b"]))


def test_disagreement_names_the_rows_furthest_apart(words: Words) -> None:
    frame = pd.DataFrame({"row_id": [7, 8, 9], "distance": [0.1, 0.5, np.nan]})
    text = words(draw_disagreement(frame))
    assert "2 rows" in text
    assert "row 8 with 0.5" in text
    with pytest.raises(UsageError, match="no distance is a finite number"):
        draw_disagreement(frame.assign(distance=np.nan))


def test_agreement_names_the_pair_least_alike(words: Words) -> None:
    matrix = [[1, 0.9, -0.2], [0.9, 1, 0.5], [-0.2, 0.5, 1]]
    assert "a and c rank the features least alike (\N{MINUS SIGN}0.2)" in words(
        draw_agreement_matrix(matrix, ["a", "b", "c"])
    )
    with pytest.raises(UsageError, match="two or more"):
        draw_agreement_matrix([[1]], ["a"])


@pytest.mark.parametrize("draw", [draw_shift, draw_rank_flow])
def test_tables_without_their_columns_are_refused(draw: Any) -> None:
    with pytest.raises(UsageError, match=r"needs the columns .*_a"):
        draw(pd.DataFrame({"feature": ["x"]}), ["a"])
