import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.config import TrainConfig
from interp_pipeline.data.inference import infer_schema
from interp_pipeline.data.schema import Schema
from interp_pipeline.data.typed_rows import OTHER, TypedRows

RULES = TypedRows(
    [
        {"name": "number", "kind": "numeric"},
        {"name": "truth", "kind": "boolean"},
        {"name": "day", "kind": "date"},
        {"name": "plain", "kind": "category", "categories": ["", "1", "True", "a"]},
        {"name": "grouped", "kind": "category", "categories": ["a", "b", OTHER]},
        {"name": "nothing", "kind": "unused"},
    ]
)
texts = st.text(max_size=4)
names = st.none() | texts | st.integers(-3, 3) | st.booleans() | st.floats(allow_nan=True, width=16)
days = st.dates().map(str)
moments = st.datetimes(timezones=st.none() | st.just(UTC))
rows = st.lists(
    st.tuples(
        st.none() | st.floats(allow_nan=True, allow_infinity=False) | st.integers(-(2**60), 2**60) | st.booleans(),
        st.none() | st.booleans() | st.sampled_from(["true", "FALSE", ""]),
        st.none() | days | moments | moments.map(datetime.isoformat),
        names,
        names,
        st.none() | texts,
    ),
    min_size=1,
    max_size=12,
)


def frame_of(values: list[tuple[object, ...]]) -> pd.DataFrame:
    columns = zip(*values, strict=True)
    return pd.DataFrame(
        {name: pd.Series(list(column), dtype=object) for name, column in zip(RULES.feature_names, columns, strict=True)}
    )


@settings(max_examples=60, deadline=None)
@given(values=rows, data=st.data())
def test_permuting_rows_permutes_the_matrix(values: Any, data: Any) -> None:
    frame = frame_of(values)
    order = data.draw(st.permutations(range(len(frame))))
    np.testing.assert_array_equal(RULES.to_matrix(frame.iloc[order]), RULES.to_matrix(frame)[order])


@settings(max_examples=60, deadline=None)
@given(values=rows)
def test_a_row_means_the_same_alone(values: Any) -> None:
    frame = frame_of(values)
    alone = [RULES.to_matrix(frame.iloc[[i]])[0] for i in range(len(frame))]
    np.testing.assert_array_equal(RULES.to_matrix(frame), np.array(alone))


@settings(max_examples=40, deadline=None)
@given(values=rows, more=texts.filter(lambda name: name not in RULES.feature_names))
def test_further_columns_and_their_order_change_nothing(values: Any, more: Any) -> None:
    frame = frame_of(values)
    wider = frame.assign(_=1)[["_", *reversed(frame.columns)]]
    wider.insert(0, more, "noise", allow_duplicates=True)
    np.testing.assert_array_equal(RULES.to_matrix(wider), RULES.to_matrix(frame))


@settings(max_examples=40, deadline=None)
@given(values=rows)
def test_codes_stay_within_their_number(values: Any) -> None:
    matrix = RULES.to_matrix(frame_of(values))
    for position, n_codes in ((3, len(RULES.categories["plain"]) + 1), (4, len(RULES.categories["grouped"]))):
        codes = matrix[:, position]
        codes = codes[~np.isnan(codes)]
        assert ((codes >= 0) & (codes < n_codes) & (codes == np.floor(codes))).all()


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.tuples(texts, st.floats(-1e6, 1e6), st.booleans()), min_size=8, max_size=30))
def test_a_schema_survives_json_and_reads_rows_the_same(values: Any) -> None:
    frame = pd.DataFrame(values, columns=["t\n$", "<b>", "flag"])
    frame["number"] = range(len(frame))
    frame["target"] = ["x", "y"] * (len(frame) // 2) + ["x"] * (len(frame) % 2)
    schema = infer_schema(frame, TrainConfig())
    restored = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))
    assert restored == schema
    first = TypedRows(schema.to_dict()["features"]).to_matrix(frame)
    np.testing.assert_array_equal(TypedRows(restored.to_dict()["features"]).to_matrix(frame), first)
