from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.models.outputs import Wanted, as_columns, class_names


def test_classes_are_named_by_the_model() -> None:
    assert class_names(np.array(["no", "yes"]), 2, Wanted()) == ("no", "yes")
    assert class_names(np.array([0.0, 1.0]), 2, Wanted()) == ("0", "1")
    assert class_names(np.array([False, True]), 2, Wanted()) == ("False", "True")
    assert class_names(None, 3, Wanted()) == ("class 0", "class 1", "class 2")


def test_names_given_name_numbered_classes_and_otherwise_have_to_agree() -> None:
    given = Wanted(output_names=("no", "yes"))
    assert class_names(np.array([0, 1]), 2, given) == ("no", "yes")
    assert class_names(None, 2, given) == ("no", "yes")
    assert class_names(np.array(["no", "yes"]), 2, given) == ("no", "yes")
    with pytest.raises(UsageError, match="the model knows bad, good"):
        class_names(np.array(["bad", "good"]), 2, given)
    with pytest.raises(UsageError, match="for 3 classes"):
        class_names(None, 3, given)


@pytest.mark.parametrize("labels", [[1, 2], [-1, 1], [2, 10], [False, True], [0.0, 1.0], ["0", "1"]], ids=str)
def test_labels_that_say_nothing_can_be_named(labels: list[Any]) -> None:
    assert class_names(np.array(labels), 2, Wanted(output_names=("no", "yes"))) == ("no", "yes")


@pytest.mark.parametrize("labels", [["A", "B"], [0.5, 1.5], ["1", "B"]], ids=str)
def test_labels_that_are_names_cannot_be_named(labels: list[Any]) -> None:
    with pytest.raises(UsageError, match="the model knows"):
        class_names(np.array(labels, dtype=object), 2, Wanted(output_names=("no", "yes")))


@pytest.mark.parametrize(
    ("labels", "given"),
    [
        (["A", "B"], ("B", "A")),
        ([0, 1], ("1", "0")),
        ([0.0, 1.0], ("1.0", "0.0")),
        ([False, True], ("True", "False")),
    ],
)
def test_the_models_own_names_in_another_order_are_refused(labels: list[Any], given: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"the model's order is .*leave them out"):
        class_names(np.array(labels), 2, Wanted(output_names=given))


def test_a_whole_number_is_the_same_class_however_it_is_written() -> None:
    assert class_names(np.array([0.0, 1.0]), 2, Wanted(output_names=("0.0", "1.0"))) == ("0", "1")
    assert class_names(np.array(["0.0", "1.0"]), 2, Wanted(output_names=("0.0", "1.0"))) == ("0.0", "1.0")
    first = Wanted(positive_class="0.0").margins(("0", "1"), 1, "log-odds")
    assert (first.names, first.positive_class, first.sign) == (("0",), "0", -1.0)


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="A was given twice"):
        Wanted(output_names=("A", "B", "A"))
    with pytest.raises(UsageError, match="0 was given twice"):
        class_names(np.array([0, 1]), 2, Wanted(output_names=("0", "0.0")))


def test_classes_of_the_same_name_are_refused() -> None:
    with pytest.raises(ModelError, match="same name"):
        class_names(np.array([1, "1"], dtype=object), 2, Wanted())


def test_one_margin_speaks_for_the_positive_class() -> None:
    second = Wanted().margins(("bad", "good"), 1, "log-odds")
    first = Wanted(positive_class="bad").margins(("bad", "good"), 1, "log-odds")
    assert (second.names, second.positive_class, second.sign) == (("good",), "good", 1.0)
    assert (first.names, first.positive_class, first.sign) == (("bad",), "bad", -1.0)


def test_scores_that_cannot_be_named_are_refused() -> None:
    with pytest.raises(ModelError, match="2 scores for 3 classes"):
        Wanted().margins(("a", "b", "c"), 2, "log-odds")


def test_a_positive_class_has_to_be_one_of_two() -> None:
    with pytest.raises(UsageError, match="'maybe' does not fit"):
        Wanted(positive_class="maybe").probabilities(("no", "yes"))
    with pytest.raises(UsageError, match="'a' does not fit"):
        Wanted(positive_class="a").probabilities(("a", "b", "c"))


def test_numbers_are_named_after_the_target() -> None:
    assert Wanted(target="price").numbers(1).names == ("price",)
    assert Wanted().numbers(1).unit == "prediction"
    assert Wanted().numbers(2).names == ("target 0", "target 1")
    assert Wanted(output_names=("u", "v")).numbers(2).names == ("u", "v")
    with pytest.raises(UsageError, match="for 2 outputs"):
        Wanted(output_names=("u",)).numbers(2)
    with pytest.raises(UsageError, match="not classes"):
        Wanted(output="probability").numbers(1)


def test_answers_of_other_shapes_are_refused() -> None:
    assert as_columns([1, 2] and np.array([1, 2])).shape == (2, 1)
    with pytest.raises(ModelError, match="several targets"):
        as_columns([np.zeros((2, 2)), np.zeros((2, 2))])
    with pytest.raises(ModelError, match="3 dimensions"):
        as_columns(np.zeros((2, 2, 2)))
