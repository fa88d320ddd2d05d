from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.report.drivers import Driver, compute_drivers
from interp_pipeline.report.sentences.drivers import driver_sentence, leading_sentence, weight_sentence

if TYPE_CHECKING:
    import numpy.typing as npt

    from interp_pipeline.explanation import Explanation


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


def one_feature(shap: Explanation, cells: list[Any], effects: npt.ArrayLike) -> Explanation:
    """The same model with one feature, as a regression of price."""
    values = np.asarray(effects, dtype=np.float64).reshape(-1, 1, 1)
    base = np.full((len(cells), 1), 100.0)
    return dataclasses.replace(
        shap,
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=pd.DataFrame({"f": cells}),
        output_names=("price",),
        output_unit="price",
        positive_class=None,
    )


def told(explanation: Explanation) -> str:
    return plain(driver_sentence(compute_drivers(explanation, 1)[0], explanation.output_unit))


def test_a_falling_number_and_categories_are_told_with_their_numbers(shap: Explanation) -> None:
    drivers = compute_drivers(shap, 5)

    assert [driver.direction for driver in drivers] == ["down", "categories", "none"]
    assert [plain(driver_sentence(driver, "probability")) for driver in drivers] == [
        (
            "Higher duration_months lowers the probability of “good”: on average +8.5 points where it is 4 to 10, "
            "and -7.5 points where it is 36 to 42."
        ),
        (
            "Of the values of purpose, “car” raises the probability of “good” most (+4.0 points on average) "
            "and “boat” lowers it most (-6.0 points on average)."
        ),
        "note has no effect on the probability of “good” for these rows.",
    ]
    assert plain(weight_sentence(drivers[0], "probability")) == (
        "It moves a prediction by 5.0 points on average, 58 % of all effect."
    )
    assert weight_sentence(drivers[2], "probability") == "It does not move any prediction."
    assert plain(leading_sentence(drivers, 3)) == (
        "Of 3 features, duration_months and purpose matter most: together they carry 100 % of all effect."
    )
    assert plain(leading_sentence(drivers[:1], 3)) == (
        "Of 3 features, duration_months matters most: it carries 58 % of all effect."
    )
    nearly_all = (dataclasses.replace(drivers[0], share=0.91), dataclasses.replace(drivers[1], share=0.09))
    assert plain(leading_sentence(nearly_all, 3)) == (
        "Of 3 features, duration_months matters most: it carries 91 % of all effect."
    )
    assert leading_sentence(drivers[2:], 3) == "No feature has any effect on the predictions for these rows."


def test_a_rising_number_of_a_regression(shap: Explanation) -> None:
    explanation = one_feature(shap, list(range(10)), np.arange(10) * 2.0 - 9)
    assert (
        told(explanation)
        == "Higher f raises the predicted price: on average -8 where it is 0 to 1, and +8 where it is 8 to 9."
    )


def test_a_valley_is_no_direction(shap: Explanation) -> None:
    explanation = one_feature(shap, [1, 1, 2, 2, 3, 3], [5.0, 5, -4, -4, 5, 5.2])
    assert told(explanation) == (
        "The effect of f on the predicted price is lowest for its middle values: on average -4 where it is 2, "
        "but +5 where it is 1, and +5.1 where it is 3."
    )


def test_categories_that_all_push_one_way(shap: Explanation) -> None:
    cells = ["a"] * 3 + ["b"] * 3
    assert told(one_feature(shap, cells, [1.0, 1, 1, 2, 2, 2])) == (
        "Of the values of f, “b” raises the predicted price most (+2 on average) and “a” least (+1 on average)."
    )
    assert told(one_feature(shap, cells, [-1.0, -1, -1, -2, -2, -2])) == (
        "Of the values of f, “b” lowers the predicted price most (-2 on average) and “a” least (-1 on average)."
    )


def test_missing_values_are_told_apart(shap: Explanation) -> None:
    cells = [1.0, 2, 3, 4, np.nan, np.nan, np.nan]
    explanation = one_feature(shap, cells, [1.0, 2, 3, 4, -7, -7, -7])
    assert told(explanation) == (
        "Higher f raises the predicted price: on average +1 where it is 1, and +4 where it is 4. "
        "Where it is missing (3 rows): -7 on average."
    )


def test_too_many_texts_and_one_value_only(shap: Explanation) -> None:
    assert told(one_feature(shap, list("abcdef"), [1.0, 2, 3, 4, 5, -6])) == (
        "f has too few rows per value for a typical effect; its effect on the predicted price lies between -6 and +5."
    )
    assert told(one_feature(shap, [7, 7, 7], [1.0, 1, 2])) == (
        "f has the same value in all explained rows; its effect on the predicted price lies between +1 and +2."
    )


def test_dates_read_as_dates(shap: Explanation) -> None:
    cells = [f"2024-0{month}-01" for month in range(1, 7)]
    assert told(one_feature(shap, cells, np.arange(6.0))) == (
        "A later f raises the predicted price: on average 0 where it is 2024-01-01, and +5 where it is 2024-06-01."
    )


def test_of_several_classes_the_one_moved_most_is_told(shap: Explanation) -> None:
    values = np.zeros((6, 1, 3))
    values[:, 0, 0] = np.linspace(-0.1, 0.1, 6)
    values[:, 0, 2] = np.linspace(0.3, -0.3, 6)
    base = np.full((6, 3), 1 / 3)
    explanation = dataclasses.replace(
        shap,
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=pd.DataFrame({"f": range(6)}),
        output_names=("a", "b", "c"),
        positive_class=None,
    )
    driver = compute_drivers(explanation, 3)[0]
    assert (driver.output, driver.direction) == ("c", "down")


def test_a_model_without_any_effect(shap: Explanation) -> None:
    driver = compute_drivers(one_feature(shap, [1, 2, 3], [0.0, 0, 0]), 1)[0]
    assert (driver.share, driver.direction, driver.groups) == (0.0, "none", ())


def test_groups_keep_every_row(shap: Explanation) -> None:
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 9, 100)
    driver: Driver = compute_drivers(one_feature(shap, list(cells), rng.normal(size=100)), 1)[0]
    assert 2 <= len(driver.groups) <= 5
    assert sum(group.n_rows for group in driver.groups) == 100


def test_rounding_is_no_effect_that_a_sentence_tells(shap: Explanation) -> None:
    """An exact nothing that comes out as 1e-17 of a step that the other features take."""
    values = shap.values.copy()
    values[:, 2, :] = np.linspace(-1e-17, 1e-17, len(values))[:, np.newaxis]
    driver = compute_drivers(dataclasses.replace(shap, values=values), 5)[2]
    assert plain(driver_sentence(driver, "probability")) == (
        "note has no effect on the probability of “good” for these rows."
    )
    assert weight_sentence(driver, "probability") == "It does not move any prediction."
