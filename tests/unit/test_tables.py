"""Explanations as tables, and back without a loss."""

from __future__ import annotations

import io
import json
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline import tables
from interp_pipeline.errors import DataError, ModelError, UsageError
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.interactions import Interactions

COST = Cost(seconds=1.5, model_evaluations=7)
NAMES = ["age", "output", "row_id", "a/b <script> $x$ {y}\n特"]


def explanation(  # every shape the library knows
    n_rows: int = 6,
    n_features: int = 4,
    n_outputs: int = 2,
    *,
    lime: bool = False,
    estimated: bool = False,
    seed: int = 0,
) -> Explanation:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_rows, n_features, n_outputs))
    base = rng.normal(size=(n_rows, n_outputs))
    names = [NAMES[j] if j < len(NAMES) else f"f{j}" for j in range(n_features)]
    data = pd.DataFrame(rng.normal(size=(n_rows, n_features)), columns=names, index=100 - np.arange(n_rows))
    outputs = ("price",) if n_outputs == 1 else tuple(f"class {k}" for k in range(n_outputs))
    return Explanation(
        values=values,
        base_values=base,
        predictions=base + values.sum(axis=1),
        data=data,
        output_names=outputs,
        output_unit="price" if n_outputs == 1 else "probability",
        positive_class="class 1" if n_outputs == 2 else None,
        method="lime_tabular" if lime else "shap_sampling",
        seed=3,
        cost=COST,
        std_errors=np.abs(rng.normal(size=values.shape)) if estimated else None,
        local_r2=rng.random((n_rows, n_outputs)) if lime else None,
    )


def test_global_importance_of_a_binary_classifier() -> None:
    shap, lime = explanation(), explanation(lime=True, seed=1)
    table = tables.to_global_importance(shap, lime)
    assert list(table.columns) == [
        "feature",
        "mean_abs_shap",
        "rank",
        "mean_shap",
        "std_error",
        "lime_mean_abs_weight",
    ]
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table["mean_abs_shap"].is_monotonic_decreasing
    age = table.set_index("feature").loc["age"]
    assert age["mean_abs_shap"] == pytest.approx(np.abs(shap.values[:, 0, 1]).mean())
    assert age["mean_shap"] == pytest.approx(shap.values[:, 0, 1].mean())
    assert age["lime_mean_abs_weight"] == pytest.approx(np.abs(lime.values[:, 0, 1]).mean())
    assert age["std_error"] == pytest.approx(shap.importance_std_error[0])


def interactions(n_features: int = 4, n_outputs: int = 2) -> Interactions:
    """Joint effects of a quarter for features 0 and 3, less for 1 and 2, the first three alone one each."""
    shap = explanation(n_features=n_features, n_outputs=n_outputs)
    mean_abs = np.zeros((n_features, n_features, n_outputs))
    mean_abs[0, 3] = mean_abs[3, 0] = 0.25
    mean_abs[1, 2] = mean_abs[2, 1] = np.linspace(0.1, 0.15, n_outputs)
    mean_abs[range(3), range(3)] = 1.0
    return Interactions(
        explanation=shap,
        rows=(0, 1),
        mean_abs=mean_abs,
        mean=-mean_abs / 2,
        pairs=((0, 3),),
        values=np.zeros((2, 1, n_outputs)),
        cost=COST,
    )


def test_interactions_of_a_binary_classifier() -> None:
    table = tables.to_interaction_table(interactions())
    assert list(table.columns) == [
        "feature_1",
        "feature_2",
        "mean_abs_interaction",
        "rank",
        "mean_interaction",
        "share",
    ]
    assert table.iloc[0].tolist() == ["age", NAMES[3], 0.25, 1, -0.125, 0.25 / 3.4]
    assert table.iloc[1].tolist() == ["output", "row_id", pytest.approx(0.15), 2, pytest.approx(-0.075), 0.15 / 3.4]
    assert len(table) == 2  # pairs without a joint effect are left out
    assert json.loads(tables.to_mlflow_json(table))["data"][0][:4] == ["age", NAMES[3], 0.25, 1]


def test_interactions_of_several_classes_and_of_none() -> None:
    table = tables.to_interaction_table(interactions(n_outputs=3))
    assert table["mean_interaction"].isna().all()
    assert table["mean_abs_interaction"].tolist() == pytest.approx([0.25, 0.125])
    assert table["mean_abs_interaction/class 2"].tolist() == pytest.approx([0.25, 0.15])
    assert table["mean_interaction/class 0"].tolist() == pytest.approx([-0.125, -0.05])
    nothing = replace(interactions(), mean_abs=np.zeros((4, 4, 2)), mean=np.zeros((4, 4, 2)))
    assert tables.to_interaction_table(nothing).empty


def test_the_strongest_200_pairs_are_listed() -> None:
    many = interactions(n_features=30)
    sizes = np.abs(np.random.default_rng(0).normal(size=(30, 30, 2)))
    table = tables.to_interaction_table(replace(many, mean_abs=sizes + sizes.transpose(1, 0, 2)))
    assert table["rank"].tolist() == list(range(1, 201))
    assert table["mean_abs_interaction"].is_monotonic_decreasing
    assert not table.duplicated(["feature_1", "feature_2"]).any()


@pytest.mark.parametrize("name", ["mean_abs", "mean", "values"])
def test_interactions_of_another_shape_or_not_finite_are_refused(name: str) -> None:
    one = interactions()
    for wrong in (getattr(one, name)[:-1], getattr(one, name) * np.nan):
        with pytest.raises(ModelError, match=f"interactions: {name} has shape"):
            replace(one, **{name: wrong})


def test_global_importance_of_several_classes_has_columns_for_each() -> None:
    shap = explanation(n_outputs=3)
    table = tables.to_global_importance(shap, None)
    assert list(table.columns)[1:5] == ["mean_abs_shap", "rank", "mean_shap", "std_error"]
    assert table["mean_shap"].isna().all()
    per_class = table[[f"mean_abs_shap/class {k}" for k in range(3)]].mean(axis=1)
    np.testing.assert_allclose(per_class, table["mean_abs_shap"])
    row = table.set_index("feature").loc["output"]
    assert row["mean_shap/class 2"] == pytest.approx(shap.values[:, 1, 2].mean())


def test_global_importance_of_lime_alone() -> None:
    table = tables.to_global_importance(None, explanation(lime=True))
    assert list(table.columns) == ["feature", "lime_mean_abs_weight", "rank"]
    assert table["lime_mean_abs_weight"].is_monotonic_decreasing


def test_local_table_is_sorted_by_size_and_reads_values() -> None:
    shap, lime = explanation(), explanation(lime=True, seed=1)
    shap = replace(shap, data=shap.data.assign(age=[None, 1, 2, 3, 4, 5]))
    table = tables.to_local_table(100, shap, lime)
    assert list(table.columns) == ["feature", "value", "shap", "lime"]
    assert table["shap"].abs().is_monotonic_decreasing
    age = table.set_index("feature").loc["age"]
    assert age["value"] == "missing"
    assert age["shap"] == shap.values[0, 0, 1]
    assert age["lime"] == lime.values[0, 0, 1]


def test_local_table_of_several_classes_speaks_about_the_predicted_one() -> None:
    shap = explanation(n_outputs=3)
    table = tables.to_local_table(98, shap, explanation(n_outputs=3, lime=True)).set_index("feature")
    predicted = int(shap.predictions[2].argmax())
    assert table.loc["age", "shap"] == shap.values[2, 0, predicted]
    assert table.loc["age", "lime/class 0"] == explanation(n_outputs=3, lime=True).values[2, 0, 0]
    assert [column for column in table.columns if "/" in column] == [
        f"{method}/class {k}" for method in ("shap", "lime") for k in range(3)
    ]


def test_what_cannot_be_tabled_is_refused() -> None:
    with pytest.raises(UsageError, match="no explanation"):
        tables.to_global_importance(None, None)
    with pytest.raises(UsageError, match="explain different rows"):
        tables.to_local_table(100, explanation(), explanation(n_features=3, lime=True))
    with pytest.raises(UsageError, match="row 6 was not explained; of the data set's rows these 6 were: 100, 99"):
        tables.to_local_table(6, explanation(), None)


def test_mlflow_json_is_what_log_table_writes() -> None:
    frame = pd.DataFrame(
        {"feature": ["a", "<b>\n特"], "rank": [1, 2], "x": [0.1, np.nan], "when": pd.to_datetime(["2020-01-01", None])}
    )
    text = tables.to_mlflow_json(frame)
    theirs = json.loads(frame.to_json(orient="split", index=False, date_format="iso"))
    ours = json.loads(text)
    assert ours["columns"] == theirs["columns"]
    assert [row[:3] for row in ours["data"]] == [row[:3] for row in theirs["data"]]
    assert ours["data"][0][3].startswith("2020-01-01T00:00:00")
    assert ours["data"][1][3] is None
    back = pd.read_json(io.StringIO(text), orient="split")
    assert back["feature"].tolist() == ["a", "<b>\n特"]


def test_mlflow_json_has_six_digits_and_nulls_what_json_cannot_say() -> None:
    frame = pd.DataFrame({"x": [0.1 + 0.2, np.inf, 1e-300], "flag": [True, False, True], "na": [pd.NA, 1, "t"]})
    data = json.loads(tables.to_mlflow_json(frame))["data"]
    assert data == [[0.3, True, None], [None, False, 1], [1e-300, True, "t"]]


@pytest.mark.parametrize("index_name", ["row_id", None])
def test_parquet_keeps_an_index_called_row_id_only(index_name: str | None) -> None:
    frame = pd.DataFrame(
        {
            "n": [1, 2],
            "x": [0.5, None],
            "text": ["a", None],
            "flag": [True, False],
            "when": pd.to_datetime(["2020-01-01", None]),
            "kind": pd.Categorical(["u", "v"]),
        },
        index=pd.Index([7, 3], name=index_name),
    )
    back = pd.read_parquet(io.BytesIO(tables.to_parquet_bytes(frame)))
    expected = frame if index_name else frame.reset_index(drop=True)
    pd.testing.assert_frame_equal(back, expected, check_dtype=False)
    assert back.dtypes["when"] == frame.dtypes["when"]
    assert back.index.name == index_name


def test_parquet_bytes_depend_on_the_content_alone() -> None:
    frame = explanation().to_frame()
    first = tables.to_parquet_bytes(frame)
    noted = frame.copy()
    noted.attrs["read"] = "today"
    assert tables.to_parquet_bytes(noted) == first
    notes = json.loads(pq.read_schema(io.BytesIO(first)).metadata[b"pandas"])
    assert "creator" not in notes
    assert notes["pandas_version"] != pd.__version__  # a constant, so that a new pandas changes no file


def test_parquet_refuses_a_column_of_two_types() -> None:
    with pytest.raises(DataError, match=r"cannot be written as Parquet: .*mixed.*; give every column"):
        tables.to_parquet_bytes(pd.DataFrame({"mixed": [1, "a"]}))
    with pytest.raises(DataError, match=r"cannot be written as Parquet: .*Duplicate"):
        tables.to_parquet_bytes(pd.DataFrame([[1, 2]], columns=["a", "a"]))


shapes = st.fixed_dictionaries(
    {
        "n_rows": st.integers(1, 5),
        "n_features": st.integers(1, 6),
        "n_outputs": st.integers(1, 4),
        "lime": st.booleans(),
        "estimated": st.booleans(),
        "seed": st.integers(0, 10),
    }
)


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_an_explanation_survives_its_table(shape: dict[str, Any]) -> None:
    shape["estimated"] = shape["estimated"] and not shape["lime"]
    before = explanation(**shape)
    table = pd.read_parquet(io.BytesIO(tables.to_parquet_bytes(before.to_frame())))
    after = tables.explanation_from_frame(
        table,
        before.data,
        output_unit=before.output_unit,
        positive_class=before.positive_class,
        method=before.method,
        seed=before.seed,
        cost=before.cost,
        details=before.details,
    )
    for field in fields(Explanation):
        left, right = getattr(before, field.name), getattr(after, field.name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
        elif isinstance(left, pd.DataFrame):
            pd.testing.assert_frame_equal(left, right)
        else:
            assert left == right, field.name


def _read(table: pd.DataFrame, data: pd.DataFrame) -> Explanation:
    return tables.explanation_from_frame(
        table, data, output_unit="probability", positive_class=None, method="m", seed=0, cost=COST
    )


def test_a_table_of_other_rows_is_refused() -> None:
    one = explanation()
    table = one.to_frame()
    for wrong in (one.data.iloc[::-1], one.data.iloc[:3], one.data.iloc[:0]):
        with pytest.raises(DataError, match="does not belong to these"):
            _read(table, wrong)
    with pytest.raises(DataError, match="lacks shap/other"):
        _read(table, one.data.rename(columns={"age": "other"}))
    with pytest.raises(DataError, match="lacks base_value"):
        _read(table.drop(columns="base_value"), one.data)
