from typing import Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.inference import infer_feature, infer_schema
from interp_pipeline.data.schema import Feature
from interp_pipeline.data.typed_rows import OTHER, TypedRows
from interp_pipeline.errors import DataError, UsageError

CONFIG = TrainConfig()


def infer(values: object, dtype: object = None) -> Feature:
    return infer_feature(pd.Series(values, dtype=dtype, name="x"))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 2], "numeric"),
        ([1.5, None, 2], "numeric"),
        ([True, False, True], "boolean"),
        ([True, None, False], "boolean"),
        (["true", "False", ""], "boolean"),
        (["yes", "no", "no"], "category"),
        (["2024-01-01", "2024-01-02T10:00Z", None], "date"),
        (pd.to_datetime(["2024-01-01", "2024-01-02"]), "date"),
        (["2024-01-01", "never", "2024-01-01"], "category"),
        (["20240101", "20240102", "20240101"], "category"),
        ([1, "a", 1], "category"),
    ],
)
def test_kinds(values: Any, kind: Any) -> None:
    assert infer(values).kind == kind


def test_categories_are_sorted_names() -> None:
    feature = infer(["b", 1, "a", None, 2.0], object)
    assert feature.categories == ("1", "2", "a", "b")
    assert feature.n_missing == 1


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([None, None], "every value is missing; not used"),
        (["", None], "every value is missing; not used"),
        ([7, 7], "is '7' in every row; not used"),
        (["a", "a"], "is 'a' in every row; not used"),
        ([[1], [2]], "holds list values, which are neither numbers, texts nor dates; not used"),
        (pd.to_timedelta([1, 2]), "holds Timedelta values, which are neither numbers, texts nor dates; not used"),
        ([f"id {i}" for i in range(30)], "30 of 30 texts are distinct: an identifier or free text; not used"),
    ],
)
def test_unused_columns_say_why(values: Any, note: Any) -> None:
    feature = infer(values)
    assert (feature.kind, feature.note) == ("unused", note)


def test_one_value_and_gaps_are_two_states_and_therefore_used() -> None:
    assert infer(["vip", None, "vip"]).kind == "category"
    assert infer([1.0, None]).kind == "numeric"


def test_few_distinct_texts_are_categories_even_if_none_repeats() -> None:
    assert infer([f"v{i}" for i in range(20)]).kind == "category"


def test_nearly_distinct_texts_are_unused_and_repeated_ones_grouped() -> None:
    nearly = [f"v{i}" for i in range(95)] + ["v0"] * 5
    assert infer(nearly).kind == "unused"
    assert infer(nearly + ["v0"] * 20).kind == "category"


def test_fifty_categories_are_kept_and_fifty_one_are_grouped() -> None:
    assert infer([f"v{i:02}" for i in range(50)] * 2).categories == tuple(f"v{i:02}" for i in range(50))
    grouped = infer([f"v{i:02}" for i in range(51)] * 2 + ["v50"])
    # v50 is the most frequent, among the equally frequent ones the first by name stay
    assert grouped.categories == (*(f"v{i:02}" for i in range(48)), "v50", OTHER)
    assert grouped.note == (
        "51 distinct texts: the 49 most frequent are kept, the others (4 % of the values) are read as (other)"
    )


def test_a_real_value_called_other_never_means_not_listed_among_kept_categories() -> None:
    feature = infer([OTHER, " a", OTHER, " a"])
    assert feature.categories == (OTHER, " a")
    rules = TypedRows([{"name": "x", "kind": "category", "categories": feature.categories}])
    assert rules.to_matrix(pd.DataFrame({"x": [OTHER, " a", "new"]})).ravel().tolist() == [0.0, 1.0, 2.0]


def test_a_real_value_called_other_joins_the_group_and_the_note_says_so() -> None:
    feature = infer([OTHER] * 9 + [f"v{i}" for i in range(60)] * 2)
    assert feature.categories.count(OTHER) == 1
    assert feature.categories[-1] == OTHER
    assert feature.note.endswith("together with the value that is called (other) in the data")


@pytest.mark.parametrize(
    ("values", "note"),
    [
        ([1, 2**60, 5], f"whole numbers beyond {2**53} are rounded, neighbouring ones may fall together"),
        (range(100, 130), "counts the rows"),
        (range(5000, 8000, 100), "30 of 30 whole numbers are distinct: if they are an identifier, remove the column"),
        (
            [2.0**40 * i for i in range(1, 25)] + [None],
            "24 of 24 whole numbers are distinct: if they are an identifier",
        ),
        ([2**53 + 2 * i * i for i in range(30)], "if they are an identifier, remove the column; whole numbers beyond"),
        (["1", "2", "1"], "numbers that the file stores as texts"),
        (["1", "2", "3", "?"], "read as names since not all values are numbers, for example '?'"),
        (["2024-01-01", "2024-01-02", "2024-01-03", "x"], "not all values are ISO 8601 dates, for example 'x'"),
        (["2024-01-01", "2024-01-02"], "texts, all of them ISO 8601 dates, read as days since 1970-01-01"),
        (["true", "false"], "the texts true and false, read as 1 and 0"),
    ],
)
def test_notes_for_what_a_reader_should_know(values: Any, note: Any) -> None:
    assert note in infer(list(values)).note


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 2],
        [1.5, 2.5],
        ["a", "b"],
        [True, False],
        [*range(0, 300, 10), 10],  # a value that comes twice identifies no row
        [i * i for i in range(20)],  # so few are distinct by chance
        [i * i + 0.5 for i in range(30)],
    ],
)
def test_nothing_is_noted_where_nothing_is_special(values: Any) -> None:
    assert infer(values).note == ""


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.inf], r"column 'x', row 1: inf is not a finite number.*correct or remove it"),
        ([1.0, None, -1e39], r"column 'x', row 2: -1e\+39 is too large"),
        (pd.Series([1, 10**400], dtype=object), r"column 'x', row 1: 1000.* is not a finite number"),
    ],
)
def test_numbers_no_model_can_use_are_an_error_that_names_the_row(values: Any, message: Any) -> None:
    with pytest.raises(DataError, match=message):
        infer(values)


def table(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2, 3, 4, 5, 7], **columns, "target": ["x", "y", "x", "y", "y", "y"]})


def test_schema_of_a_table() -> None:
    schema = infer_schema(table(c=list("uvuvwu")), CONFIG)
    assert [(f.name, f.kind) for f in schema.features] == [("a", "numeric"), ("c", "category")]
    assert (schema.target, schema.task, schema.classes) == ("target", "binary", ("x", "y"))
    assert schema.positive_class == "x"


def test_rows_without_a_target_do_not_count() -> None:
    frame = table(c=["u", "v", "u", "v", "u", "only here"])
    frame.loc[5, "target"] = None
    assert infer_schema(frame, CONFIG).features[1].categories == ("u", "v")


def test_missing_target_lists_close_names_and_columns() -> None:
    frame = table().rename(columns={"target": "Target "})
    with pytest.raises(UsageError, match=r"'target' is not in the data: did you mean 'Target '\? .* 'a', 'Target '$"):
        infer_schema(frame, CONFIG)


def test_a_long_list_of_columns_is_cut() -> None:
    frame = pd.DataFrame([range(100)], columns=[f"c{i}" for i in range(100)])
    with pytest.raises(UsageError, match=r"'c29', \.\.\.$"):
        infer_schema(frame, CONFIG)


@pytest.mark.parametrize(("names", "message"), [([0, "target"], "has the name 0"), (["a", " "], "column 2 .* ' '")])
def test_names_must_be_texts(names: Any, message: Any) -> None:
    with pytest.raises(DataError, match=message):
        infer_schema(pd.DataFrame([[1, 2]], columns=names), CONFIG)


def test_names_must_be_unique() -> None:
    with pytest.raises(DataError, match="more than once: 'a'; rename"):
        infer_schema(pd.DataFrame([[1, 2, 3]], columns=["a", "a", "target"]), CONFIG)


def test_without_a_usable_feature_the_reasons_are_given() -> None:
    with pytest.raises(DataError, match=r"no column beside the target 'target' can be used: 'a': is '1' in every row"):
        infer_schema(table(a=1), CONFIG)
    with pytest.raises(DataError, match=r"no column beside the target 'target' can be used$"):
        infer_schema(table()[["target"]], CONFIG)


@pytest.mark.parametrize("leak", [list("uvuvvv"), [0, 1, 0, 1, 1, 1]])
def test_a_feature_that_gives_the_class_away_is_noted(leak: Any) -> None:
    feature = infer_schema(table(leak=leak), CONFIG).features[1]
    assert feature.note == "tells the target in every row: remove it if it is not known before the target is"


@pytest.mark.parametrize("honest", [list("uvuvvu"), list("uvuvvw"), ["u", "v", "u", "v", "v", None]])
def test_a_feature_that_errs_once_is_no_leak(honest: Any) -> None:
    assert infer_schema(table(honest=honest), CONFIG).features[1].note == ""


def test_a_copy_of_a_regression_target_is_noted() -> None:
    frame = pd.DataFrame({"copy": [0.5, 1.5, 2.5], "near": [0.5, 1.5, 2.4], "target": [0.5, 1.5, 2.5]})
    notes = [feature.note for feature in infer_schema(frame, CONFIG).features]
    assert notes == ["tells the target in every row: remove it if it is not known before the target is", ""]


def test_hostile_names_are_kept_as_they_are() -> None:
    names = ["a\nb", "<script>", "$x_{1}$", "Größe in m²", "n" * 100, "target 2", "Target"]
    frame = pd.DataFrame([list(range(7)), list(range(1, 8))] * 2, columns=names).assign(target=["x", "x", "y", "y"])
    assert infer_schema(frame, CONFIG).feature_names == tuple(names)
