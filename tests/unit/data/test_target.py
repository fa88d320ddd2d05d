from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.schema import Schema
from interp_pipeline.data.target import encode_target, infer_target
from interp_pipeline.errors import DataError, UsageError


def series(values: object, dtype: object = None) -> pd.Series:
    return pd.Series(values, dtype=dtype, name="y")


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0.5, 1.5, 2.5], "regression", ()),
        (list(range(21)), "regression", ()),
        (list(range(20)) * 2, "multiclass", tuple(str(i) for i in range(20))),
        ([10, 9, 10, 9, 2, 2], "multiclass", ("2", "9", "10")),
        ([2.0, None, 1.0, 2.0, 1.0], "binary", ("1", "2")),
        ([-1, 1, -1, 1], "binary", ("-1", "1")),
        ([True, False, True, False], "binary", ("False", "True")),
        ([True, False, None, True, False], "binary", ("False", "True")),
        (["b", "a", "b", "a", "", "c", "c"], "multiclass", ("a", "b", "c")),
        ([1, "a", "a", 1], "binary", ("1", "a")),
    ],
)
def test_task_and_classes(values: Any, task: Any, classes: Any) -> None:
    rule = infer_target(series(values), TrainConfig())
    assert (rule.task, rule.classes) == (task, classes)
    assert rule.reason.startswith("Target 'y' ")


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        ([0, 1, 1, 1, 0], "1"),
        ([-1.0, 1.0, 1.0, 1.0, -1.0], "1"),
        ([True, False, True, True, False], "True"),
        (["No", "YES", "YES", "YES", "No"], "YES"),
        (["f", "t", "t", "t", "f"], "t"),
        (["neg", "pos", "pos", "pos", "neg"], "pos"),
    ],
)
def test_the_affirming_value_is_positive_even_if_frequent(values: Any, positive: Any) -> None:
    rule = infer_target(series(values), TrainConfig())
    assert rule.positive_class == positive
    assert rule.reason.endswith(f"The positive class is {positive!r}: the affirming one of the two values.")


@pytest.mark.parametrize(
    ("values", "positive"),
    [(["good"] * 7 + ["bad"] * 3, "bad"), ([1] * 2 + [2] * 8, "1"), (["yes"] * 4 + ["maybe"] * 2, "maybe")],
)
def test_otherwise_the_rarer_value_is_positive(values: Any, positive: Any) -> None:
    rule = infer_target(series(values), TrainConfig())
    assert rule.positive_class == positive
    assert "the rarer one" in rule.reason


def test_of_equally_frequent_values_the_last_is_positive() -> None:
    rule = infer_target(series(["b", "a", "a", "b"]), TrainConfig())
    assert rule.positive_class == "b"
    assert "both are equally frequent" in rule.reason


@pytest.mark.parametrize(
    ("values", "wanted", "positive"),
    [
        ([0, 1, 0, 1], "0", "0"),
        ([0.0, 1.0, 0.0, 1.0, None], "1", "1"),
        (["a", "b", "a", "b"], "a", "a"),
        ([True, False, True, False], "false", "False"),
        ([" <=50K", " >50K", " <=50K", " >50K"], ">50k", " >50K"),
    ],
)
def test_the_positive_class_can_be_chosen(values: Any, wanted: Any, positive: Any) -> None:
    rule = infer_target(series(values), TrainConfig(positive_class=wanted))
    assert rule.positive_class == positive
    assert rule.reason.endswith("as asked for.")


def test_an_empty_positive_class_means_inferred() -> None:
    assert infer_target(series([0, 1, 0, 1]), TrainConfig(positive_class="")).positive_class == "1"


@pytest.mark.parametrize(
    ("values", "config", "message"),
    [
        (["a", "b"] * 2, {"positive_class": "c"}, "'c' does not occur in target 'y'; its classes are 'a', 'b'"),
        (["A", "a"] * 2, {"positive_class": " a"}, "does not occur"),
        (["a", "b", "c"] * 2, {"positive_class": "a"}, "3 classes, not two"),
        ([0.5, 1.5], {"positive_class": "a"}, "is read as a regression"),
        (["a", "b", "c"] * 2, {"task": "binary"}, "task binary was asked for, .* 3 distinct values"),
        (["a", "b", "c"] * 2, {"task": "regression"}, "row 0: 'a' is not a finite number.*or train a classification"),
        ([None, ""], {}, "all 2 values are missing; name another column"),
        ([date(2024, 1, 1)] * 3, {}, "holds dates; use classes or numbers"),
        ([[1], [2]], {}, "holds no single values"),
        (["a", "a", None], {}, "one class only, 'a'"),
        ([3, 3, 3], {}, "one class only, '3'.*nothing to learn"),
        ([0.5, 0.5], {}, "is 0.5 in every row: there is nothing to learn"),
        ([0.5, np.inf], {}, "column 'y', row 1: inf is not a finite number"),
        (["a", "a", "b"], {}, "a single row has class 'b', .* leave the row out$"),
        ([1, 1, 2], {}, "a single row has class '2', .* ask for task regression$"),
        ([f"id{i}" for i in range(101)] * 2, {}, "101 distinct values, more than 100 classes: it may be an identifier"),
    ],
)
def test_targets_that_cannot_be_used(values: Any, config: Any, message: Any) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        infer_target(series(values), TrainConfig(**config))
    assert "\n" not in str(caught.value)


def test_many_classes_in_a_message_are_cut() -> None:
    with pytest.raises(DataError, match=r"'c0', .* and 5 more"):
        infer_target(series([f"c{i}" for i in range(15)]), TrainConfig())


@pytest.mark.parametrize(
    ("values", "task", "expected"),
    [
        (list(range(30)), "multiclass", 30),
        ([0.5, 1.5, 0.5, 1.5], "binary", 2),
        ([1, 2, 1, 2], "multiclass", 2),
        ([1, 2, 1, 2], "regression", 0),
    ],
)
def test_the_task_can_be_chosen(values: Any, task: Any, expected: Any) -> None:
    rule = infer_target(series(values * 2), TrainConfig(task=task))
    assert (rule.task, len(rule.classes)) == (task, expected)
    assert "as asked for" in rule.reason


CLASSES = Schema(features=(), target="y", task="multiclass", classes=("2", "10", "(other)"))


@pytest.mark.parametrize("values", [[10.0, 2.0], [10, 2], ["10", "2"]])
def test_classes_are_coded_in_the_order_of_the_schema(values: Any) -> None:
    codes = encode_target(series(values), CLASSES)
    assert codes.dtype == np.int64
    assert codes.tolist() == [1, 0]


def test_regression_targets_are_floats() -> None:
    schema = Schema(features=(), target="y", task="regression")
    values = encode_target(pd.Series([1, 2], dtype="Int64"), schema)
    assert values.dtype == np.float64
    assert values.tolist() == [1.0, 2.0]
    with pytest.raises(DataError, match="target column 'y', row 0: 'a' is not a finite number"):
        encode_target(series(["a"]), schema)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2", "3"], r"row 1: '3' is none of the classes '2', '10', '\(other\)'"),
        (["2", None], "'y', row 1: missing; leave such rows out"),
    ],
)
def test_targets_that_cannot_be_coded(values: Any, message: Any) -> None:
    with pytest.raises(DataError, match=message):
        encode_target(series(values), CLASSES)
