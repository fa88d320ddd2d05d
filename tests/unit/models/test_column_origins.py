from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import EVERYTHING, NUMBERS, TEXTS, credit
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from interp_pipeline.models.column_origins import Origins

_TABLE, _TARGET = credit()
_FILLED = _TABLE[NUMBERS].fillna(35.0)


def _follow(step: Any, table: Any) -> tuple[Origins, list[set[int]]]:
    origins = Origins()
    own = [frozenset({i}) for i in range(table.shape[1])]
    return origins, [set(owner) for owner in origins.through([step], table[:2], own)[1]]


def _depends_on(step: Any, table: pd.DataFrame) -> list[set[int]]:
    """Which raw columns change each encoded column, found by exchanging the values of one raw column."""

    def encoded(rows: pd.DataFrame) -> Any:
        behind = step.transform(rows)
        return np.asarray(behind.toarray() if hasattr(behind, "toarray") else behind, dtype=np.float64)

    before = encoded(table)
    found: list[set[int]] = [set() for _ in range(before.shape[1])]
    for i, name in enumerate(table.columns):
        exchanged = table.assign(**{name: table[name].to_numpy()[::-1]})
        changed = ~np.isclose(encoded(exchanged), before, rtol=1e-9, atol=1e-12, equal_nan=True).all(axis=0)
        for column in np.flatnonzero(changed):
            found[column].add(i)
    return found


_ON_NUMBERS = [
    StandardScaler(),
    MinMaxScaler(),
    RobustScaler(),
    PowerTransformer(),
    QuantileTransformer(n_quantiles=20),
    Binarizer(threshold=20.0),
    KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"),
    KBinsDiscretizer(4, encode="ordinal", quantile_method="averaged_inverted_cdf"),
    SplineTransformer(n_knots=4),
    SplineTransformer(n_knots=4, include_bias=False, extrapolation="linear"),
    FunctionTransformer(np.log1p),
    FunctionTransformer(),
    SelectKBest(f_classif, k=2),
    VarianceThreshold(threshold=200.0),
    OrdinalEncoder(),
    FeatureUnion([("a", StandardScaler()), ("b", KBinsDiscretizer(3, quantile_method="averaged_inverted_cdf"))]),
    FeatureUnion([("a", "passthrough"), ("b", "drop"), ("c", MinMaxScaler())], transformer_weights={"c": 2.0}),
]


@pytest.mark.parametrize("as_table", [True, False], ids=["table", "matrix"])
@pytest.mark.parametrize("step", _ON_NUMBERS, ids=lambda step: type(step).__name__)
def test_steps_that_treat_numbers_column_by_column(step: Any, as_table: bool) -> None:  # noqa: FBT001 - a parameter
    rows = _FILLED if as_table else _FILLED.to_numpy()
    step.fit(rows, _TARGET)
    owners = _follow(step, rows)[1]
    assert all(len(owner) == 1 for owner in owners)
    if as_table:
        found = _depends_on(step, rows)
        assert owners == [changed or owner for changed, owner in zip(found, owners, strict=True)]  # some never change
        assert any(found)


_ON_TEXTS = [
    OneHotEncoder(),
    OneHotEncoder(drop="first", sparse_output=False),
    OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist"),
    OneHotEncoder(drop="if_binary", max_categories=3),
    OneHotEncoder(feature_name_combiner=lambda *_: "same"),
    OrdinalEncoder(min_frequency=10),
    TargetEncoder(),
    make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(), VarianceThreshold(0.02)),
]


@pytest.mark.parametrize("step", _ON_TEXTS, ids=lambda step: type(step).__name__)
def test_steps_that_treat_texts_column_by_column(step: Any) -> None:
    step.fit(_TABLE[TEXTS], _TARGET)
    origins, owners = _follow(step, _TABLE[TEXTS])
    assert owners == _depends_on(step, _TABLE[TEXTS])
    assert origins.named == {0, 1, 2, 3}
    assert origins.mixers == []


def test_a_text_encoder_of_three_classes_has_three_columns_per_feature() -> None:
    step = TargetEncoder().fit(_TABLE[TEXTS], _TABLE["housing"])
    assert _follow(step, _TABLE[TEXTS])[1] == [{i} for i in range(4) for _ in range(3)]


def test_values_that_look_like_marks_and_names_that_begin_alike() -> None:
    rows = pd.DataFrame({"a": ["<1>", "<0>"] * 5, "a_b": ["<0>", "b_<1>"] * 5, "<1>": ["x", "y"] * 5})
    step = OneHotEncoder().fit(rows)
    assert _follow(step, rows)[1] == [{0}, {0}, {1}, {1}, {2}, {2}]


@pytest.mark.filterwarnings("ignore:Skipping features without any observed values")
def test_imputers_and_their_indicators() -> None:
    rows = _TABLE[NUMBERS].assign(savings=[np.nan, 1.0] * 200, empty=np.nan)
    step = SimpleImputer(add_indicator=True).fit(rows)
    assert _follow(step, rows)[1] == [{0}, {1}, {2}, {3}, {2}, {3}, {4}]  # values that are, then what is missing
    assert _follow(MissingIndicator().fit(rows), rows)[1] == [{2}, {3}, {4}]


@pytest.mark.parametrize(
    "step",
    [
        PCA(2),
        PolynomialFeatures(2),
        KNNImputer(),
        Normalizer(),
        FunctionTransformer(lambda rows: rows),
    ],
    ids=lambda step: type(step).__name__,
)
def test_steps_that_mix_or_may_mix(step: Any) -> None:
    step.fit(_FILLED)
    origins, owners = _follow(step, _FILLED)
    assert all(owner == {0, 1, 2} for owner in owners)
    assert origins.mixers == [type(step).__name__]


class _Derived(StandardScaler):  # type: ignore[misc]  # scikit-learn has no types
    def transform(self, rows: Any) -> Any:  # type: ignore[override]  # likewise
        return super().transform(rows)[:, ::-1]


class _Own(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # likewise
    def fit(self, rows: Any, target: Any = None) -> _Own:
        del rows, target
        return self

    def transform(self, rows: Any) -> Any:
        return np.asarray(rows)[:, ::-1]


@pytest.mark.parametrize("step", [_Derived(), _Own()], ids=["derived", "own"])
def test_classes_of_somebody_s_own_may_mix(step: Any) -> None:
    step.fit(_FILLED)
    assert all(len(owner) == 3 for owner in _follow(step, _FILLED)[1])


def test_whatever_is_done_with_one_column_stays_that_column_s() -> None:
    step = ColumnTransformer(
        [
            ("svd", make_pipeline(TfidfVectorizer(), TruncatedSVD(2)), "note"),
            ("words", make_pipeline(CountVectorizer(), TfidfTransformer()), "job"),
            ("hashed", HashingVectorizer(n_features=8), "housing"),
            ("powers", make_pipeline(PolynomialFeatures(3), PCA(2)), ["credit_amount"]),
            ("own", _Own(), ["duration_months"]),
        ]
    ).fit(_TABLE)
    origins, owners = _follow(step, _TABLE)
    place = {name: EVERYTHING.index(name) for name in EVERYTHING}
    words = len(step.named_transformers_["words"][0].get_feature_names_out())
    expected = ["note"] * 2 + ["job"] * words + ["housing"] * 8 + ["credit_amount"] * 2 + ["duration_months"]
    assert owners == [{place[name]} for name in expected]
    assert origins.mixers == []


@pytest.mark.parametrize(
    "chosen",
    [
        NUMBERS,
        slice("duration_months", "age_years"),
        slice(0, 3),
        [0, 1, 2],
        [-10, -9, -8],
        np.arange(10) < 3,
        lambda rows: [name for name in rows if name in NUMBERS],
    ],
    ids=["names", "slice of names", "slice", "positions", "from the end", "mask", "function"],
)
def test_columns_are_chosen_in_every_way_scikit_learn_knows(chosen: Any) -> None:
    step = ColumnTransformer([("a", SimpleImputer(), chosen), ("b", OneHotEncoder(), ["housing"])]).fit(_TABLE)
    assert _follow(step, _TABLE)[1] == [{0}, {1}, {2}, {4}, {4}, {4}]


def test_what_is_left_over_is_passed_on_or_dropped() -> None:
    rows = _TABLE[["housing", *NUMBERS]]
    passed = make_column_transformer((OneHotEncoder(), ["housing"]), remainder="passthrough").fit(rows)
    scaled = make_column_transformer(
        ("drop", ["credit_amount"]), (OneHotEncoder(), ["housing"]), ("passthrough", []), remainder=StandardScaler()
    ).fit(rows)
    assert _follow(passed, rows)[1] == [{0}, {0}, {0}, {1}, {2}, {3}]
    assert _follow(scaled, rows)[1] == [{0}, {0}, {0}, {1}, {3}]


def test_transformers_within_transformers() -> None:
    inner = make_column_transformer((StandardScaler(), [1, 0]), ("passthrough", [2]))
    step = Pipeline(
        [
            ("fill", SimpleImputer()),
            ("nothing", "passthrough"),
            ("both", make_union(inner, make_pipeline(inner, SelectKBest(k=1)))),
        ]
    ).fit(_TABLE[NUMBERS], _TARGET)
    owners = _follow(step, _TABLE[NUMBERS])[1]
    assert owners == _depends_on(step, _TABLE[NUMBERS])
    assert owners[:3] == [{1}, {0}, {2}]


def test_tables_between_the_steps_change_nothing() -> None:
    step = make_pipeline(
        make_column_transformer((OneHotEncoder(sparse_output=False), ["housing"]), (SimpleImputer(), NUMBERS)),
        SelectKBest(k=4),
    )
    step.set_output(transform="pandas").fit(_TABLE, _TARGET)
    assert _follow(step, _TABLE)[1] == _depends_on(step, _TABLE)
