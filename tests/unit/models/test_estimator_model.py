from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from harness.adapted_models import EVERYTHING, NUMBERS, TEXTS, adapt, assert_is_the_model, credit
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    ElasticNet,
    Lasso,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from interp_pipeline.errors import ModelError, UsageError

_TABLE, _TARGET = credit()
_AMOUNT = np.log(_TABLE["credit_amount"].to_numpy(dtype=np.float64))
_JOB = _TABLE["job"].str.split(" ").str[0].to_numpy(dtype=object)  # three classes
_FIRST = _TABLE[:110]


def _columns() -> Any:
    """Preprocessing in which every raw column keeps columns of its own."""
    return make_column_transformer(
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), NUMBERS),
        (OneHotEncoder(handle_unknown="ignore", drop="if_binary"), [*TEXTS, "owns"]),
        (TfidfVectorizer(), "note"),
        (
            make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), MinMaxScaler()),
            ["since"],
        ),
    )


def _fitted(final: Any, target: Any = _TARGET) -> Any:
    return make_pipeline(_columns(), final).fit(_TABLE, target)


def _one(answer: Any) -> Any:
    return np.asarray(answer, dtype=np.float64).reshape(len(answer), -1)


@pytest.mark.parametrize(
    ("final", "unit", "linear"),
    [
        (LogisticRegression(C=0.1, max_iter=200), "log-odds", True),
        (SGDClassifier(loss="log_loss", max_iter=5000), "log-odds", True),
        (LinearDiscriminantAnalysis(), "log-odds", True),
        (GradientBoostingClassifier(n_estimators=5), "log-odds", False),
        (HistGradientBoostingClassifier(max_iter=5), "log-odds", False),
        (SGDClassifier(loss="hinge", max_iter=5000), "decision function", True),
        (LinearSVC(C=0.01), "decision function", True),
        (RidgeClassifier(), "decision function", True),
        (SVC(), "decision function", False),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else None,
)
@pytest.mark.parametrize("positive", [None, "bad"])
def test_margins_of_two_classes(final: Any, unit: str, linear: bool, positive: str | None) -> None:  # noqa: FBT001
    native = make_pipeline(_columns(), FunctionTransformer(), final)
    if isinstance(final, (LinearDiscriminantAnalysis, HistGradientBoostingClassifier)):
        native = make_pipeline(_columns().set_params(sparse_threshold=0.0), final)
    native.fit(_TABLE, _TARGET)
    model = adapt(native, _TABLE, positive_class=positive)
    name = positive or "good"
    assert (model.output_names, model.output_unit, model.positive_class) == ((name,), unit, name)
    assert (model.linear is not None) == linear
    boosted = "Boosting" in type(final).__name__
    assert model.trees is (final if boosted else None)
    assert len(model.notes) == 1
    expected = native.decision_function(_FIRST) if name == "good" else -native.decision_function(_FIRST)
    assert_is_the_model(model, _TABLE, _one(expected))


@pytest.mark.parametrize(
    "final",
    [
        RandomForestClassifier(5, n_jobs=2, random_state=0),
        DecisionTreeClassifier(max_depth=4),
        KNeighborsClassifier(3),
        GaussianNB(),
        MLPClassifier((2,), solver="lbfgs", max_iter=5000, alpha=10.0),
        SGDClassifier(loss="modified_huber", max_iter=5000),
        BaggingClassifier(GaussianNB(), 3),
    ],
    ids=lambda final: type(final).__name__,
)
def test_probabilities(final: Any) -> None:
    native = make_pipeline(_columns().set_params(sparse_threshold=0.0), final).fit(_TABLE, _TARGET)
    model = adapt(native, _TABLE, positive_class="bad")
    assert (model.output_names, model.output_unit, model.positive_class) == (("bad", "good"), "probability", "bad")
    assert model.trees is (final if "Forest" in type(final).__name__ or "Tree" in type(final).__name__ else None)
    assert "all that the preprocessing (ColumnTransformer) makes of it" in model.notes[0]
    assert [len(group) for group in model.column_groups[-3:]] == [1, 1, 5]
    assert_is_the_model(model, _TABLE, native.predict_proba(_FIRST))


def test_either_output_can_be_forced() -> None:
    native = _fitted(GradientBoostingClassifier(n_estimators=5))
    model = adapt(native, _TABLE, output="probability")
    assert model.trees is None
    assert_is_the_model(model, _TABLE, native.predict_proba(_FIRST))
    native = _fitted(make_pipeline(StandardScaler(with_mean=False), LogisticRegression()))
    assert adapt(native, _TABLE, output="probability").linear is None
    model = adapt(native, _TABLE, output="margin")
    assert model.linear is not None
    with pytest.raises(UsageError, match="RandomForestClassifier, which gives none"):
        adapt(_fitted(RandomForestClassifier(3)), _TABLE, output="margin")
    with pytest.raises(UsageError, match="SVC, which gives none"):
        adapt(_fitted(SVC()), _TABLE, output="probability")


@pytest.mark.parametrize(
    ("final", "unit", "n_outputs"),
    [
        (LogisticRegression(max_iter=300), "softmax score", 3),
        (GradientBoostingClassifier(n_estimators=3), "softmax score", 3),
        (SGDClassifier(loss="log_loss", max_iter=5000), "log-odds", 3),
        (LinearSVC(C=0.01), "decision function", 3),
        (SVC(), "decision function", 3),
        (SVC(decision_function_shape="ovo"), "decision function", 3),
    ],
)
def test_margins_of_three_classes(final: Any, unit: str, n_outputs: int) -> None:
    native = _fitted(final, _JOB)
    model = adapt(native, _TABLE)
    names = ("management", "skilled", "unemployed", "unskilled")
    expected = native.decision_function(_FIRST)
    if expected.shape[1] == 6:
        assert model.output_names[0] == "management against skilled"
        assert model.output_names[-1] == "unemployed against unskilled"
    else:
        assert model.output_names == names
    assert (model.positive_class, model.output_unit) == (None, unit)
    assert (model.linear is not None) == (type(final) in {LogisticRegression, SGDClassifier, LinearSVC})
    assert_is_the_model(model, _TABLE, expected)
    assert n_outputs < expected.shape[1]


@pytest.mark.parametrize(
    ("final", "linear"),
    [
        (LinearRegression(), True),
        (Ridge(), True),
        (Lasso(0.01), True),
        (ElasticNet(0.01), True),
        (PoissonRegressor(max_iter=300), False),
        (ExtraTreesRegressor(4), False),
        (GradientBoostingRegressor(n_estimators=5), False),
        (HistGradientBoostingRegressor(max_iter=5), False),
        (HistGradientBoostingRegressor(max_iter=5, loss="poisson"), False),
        (TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp), False),
    ],
    ids=str,
)
def test_regressions(final: Any, linear: bool) -> None:  # noqa: FBT001 - a parameter
    native = make_pipeline(_columns().set_params(sparse_threshold=0.0), final).fit(_TABLE, _AMOUNT)
    model = adapt(native, _TABLE, target="amount")
    assert (model.output_names, model.output_unit, model.positive_class) == (("amount",), "amount", None)
    assert (model.linear is not None) == linear
    sums_of_trees = "Trees" in type(final).__name__ or "Boosting" in type(final).__name__
    assert (model.trees is final) == (sums_of_trees and getattr(final, "loss", "") != "poisson")
    assert_is_the_model(model, _TABLE, _one(native.predict(_FIRST)))


def test_several_targets() -> None:
    native = _fitted(Ridge(), np.column_stack([_AMOUNT, _AMOUNT**2]))
    model = adapt(native, _TABLE)
    assert (model.output_names, model.output_unit) == (("target 0", "target 1"), "prediction")
    assert model.linear is not None
    assert_is_the_model(model, _TABLE, native.predict(_FIRST))
    assert adapt(native, _TABLE, output_names=["log", "squared"]).output_names == ("log", "squared")


@pytest.mark.parametrize(
    "native",
    [
        make_pipeline(_columns(), PCA(3), LogisticRegression()),
        StackingClassifier([("a", make_pipeline(_columns(), LogisticRegression(max_iter=300)))], cv=2),
        VotingClassifier([("a", make_pipeline(_columns(), RandomForestClassifier(3)))], voting="soft"),
        CalibratedClassifierCV(make_pipeline(_columns(), LogisticRegression(max_iter=300)), cv=2),
        make_pipeline(make_column_transformer((HashingVectorizer(), "note")), KNeighborsClassifier()),
    ],
    ids=["pca", "stacking", "voting", "calibrated", "wide"],
)
def test_what_cannot_be_taken_apart_is_asked_whole(native: Any) -> None:
    native.fit(_TABLE, _TARGET)
    model = adapt(native, _TABLE)
    assert (model.output_names, model.output_unit) == (("bad", "good"), "probability")
    assert model.notes[0].startswith("The model is asked about whole rows of the table, and not taken apart: ")
    assert model.column_groups == tuple((i,) for i in range(len(EVERYTHING)))
    assert (model.trees, model.linear) == (None, None)
    assert_is_the_model(model, _TABLE, native.predict_proba(_FIRST))


def test_numbers_an_encoder_reads_as_names_are_masked_as_such() -> None:
    rows = _TABLE[["duration_months"]].assign(code=[10, 20, 40, 70] * 100)
    for native in (
        make_pipeline(make_column_transformer((OneHotEncoder(), ["code"])), KNeighborsClassifier()),
        make_pipeline(make_column_transformer((OneHotEncoder(), ["code"]), remainder="passthrough"), PCA(2), SVC()),
    ):
        model = adapt(native.fit(rows, _TARGET), rows)
        assert model.categories == {"code": ("10", "20", "40", "70")}


def test_a_search_stands_for_its_best_estimator() -> None:
    search = GridSearchCV(_columns_and(LogisticRegression(max_iter=300)), {"logisticregression__C": [0.1, 0.2]}, cv=2)
    search.fit(_TABLE, _TARGET)
    model = adapt(search, _TABLE)
    assert model.linear is not None
    assert_is_the_model(model, _TABLE, _one(search.decision_function(_FIRST)))
    unfinished = clone(search).set_params(refit=False).fit(_TABLE, _TARGET)
    with pytest.raises(ModelError, match="refit=True"):
        adapt(unfinished, _TABLE)


def _columns_and(final: Any) -> Any:
    return make_pipeline(_columns(), final)


@pytest.mark.parametrize("as_table", [True, False], ids=["table", "matrix"])
def test_estimators_without_preprocessing(as_table: bool) -> None:  # noqa: FBT001 - a parameter
    iris = load_iris(as_frame=True)
    rows = iris.data.sample(frac=1.0, random_state=0).reset_index(drop=True)
    target = iris.target_names[iris.target.to_numpy()][iris.data.sample(frac=1.0, random_state=0).index]
    forest = RandomForestClassifier(5, random_state=0).fit(rows if as_table else rows.to_numpy(), target)
    model = adapt(forest, rows)
    assert model.trees is forest
    assert model.output_names == ("setosa", "versicolor", "virginica")
    assert model.column_groups == ((0,), (1,), (2,), (3,))
    asked = rows[:110] if as_table else rows[:110].to_numpy()
    assert_is_the_model(model, rows, forest.predict_proba(asked))


def test_columns_in_another_order_and_columns_beside_them() -> None:
    rows = _TABLE[["credit_amount", "housing", "owns", "duration_months"]]
    forest = RandomForestClassifier(5).fit(rows[["duration_months", "credit_amount"]], _TARGET)
    model = adapt(forest, rows)
    assert model.column_groups == ((1,), (), (), (0,))
    assert_is_the_model(model, rows, forest.predict_proba(rows[:110][["duration_months", "credit_amount"]]))


def test_rows_of_texts_given_as_a_matrix() -> None:
    rows = _TABLE[["housing", "duration_months"]]
    native = make_pipeline(make_column_transformer((OneHotEncoder(), [0]), ("passthrough", [1])), GaussianNB())
    native.fit(rows.to_numpy(), _TARGET)
    assert_is_the_model(adapt(native, rows), rows, native.predict_proba(rows[:110].to_numpy()))


def test_single_precision_stays_single_precision() -> None:
    rows = _TABLE[["duration_months", "credit_amount"]].astype(np.float32)
    native = LogisticRegression().fit(rows, _TARGET)
    assert_is_the_model(adapt(native, rows), rows, _one(native.decision_function(rows[:110])), tolerance=1e-7)


def test_a_lone_column_of_texts() -> None:
    rows = _TABLE[["note"]]
    native = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(rows["note"], _TARGET)
    model = adapt(native, rows)
    assert model.column_groups == ((0, 1, 2, 3, 4),)
    assert_is_the_model(model, rows, _one(native.decision_function(rows["note"][:110])))


def test_histogram_boosting_reads_categories() -> None:
    rows = _TABLE[["housing", "duration_months", "job", "age_years", "owns"]].astype(
        {"housing": "category", "job": "category"}
    )
    native = HistGradientBoostingClassifier(max_iter=5, min_samples_leaf=5).fit(rows, _TARGET)
    model = adapt(native, rows)
    assert model.column_groups == ((0,), (2,), (1,), (3,), (4,))  # categories first
    assert model.trees is not None
    assert model.table.dtypes["job"] == rows["job"].dtype
    expected = _one(native.decision_function(rows[:110]))
    assert_is_the_model(model, rows, expected)
    encoded = model.encode(model.to_matrix(rows[:110]))
    np.testing.assert_array_equal(model.trees.decision_function(encoded), expected[:, 0])
    assert_is_the_model(adapt(native, rows, output="probability"), rows, native.predict_proba(rows[:110]))


def test_histogram_boosting_within_a_pipeline() -> None:
    encoder = make_column_transformer((OrdinalEncoder(), ["housing", "job"]), remainder="passthrough")
    rows = _TABLE[["duration_months", "housing", "job"]]
    native = make_pipeline(encoder, HistGradientBoostingClassifier(max_iter=5, categorical_features=[0, 1]))
    native.fit(rows, _TARGET)
    model = adapt(native, rows)
    assert model.column_groups == ((2,), (0,), (1,))
    assert_is_the_model(model, rows, _one(native.decision_function(rows[:110])))


def test_pandas_own_types_survive() -> None:
    rows = pd.DataFrame(
        {
            "whole": _TABLE["duration_months"].astype("Int64").mask(_TABLE["age_years"].isna()),
            "text": _TABLE["purpose"].astype("string").fillna("none"),
            "truth": _TABLE["owns"].astype("boolean"),
        }
    )
    columns = make_column_transformer((SimpleImputer(), ["whole"]), (OneHotEncoder(), ["text"]), ("drop", ["truth"]))
    native = make_pipeline(columns, RandomForestClassifier(5)).fit(rows, _TARGET)
    model = adapt(native, rows)
    assert model.column_groups[2] == ()
    assert_is_the_model(model, rows, native.predict_proba(rows[:110]))


def test_labels_without_scores_become_votes() -> None:
    native = VotingClassifier([("a", _columns_and(RandomForestClassifier(3))), ("b", _columns_and(GaussianNB()))])
    native.estimators[1][1].steps[0][1].set_params(sparse_threshold=0.0)
    native.fit(_TABLE, _TARGET)
    model = adapt(native, _TABLE)
    assert (model.output_names, model.output_unit) == (("bad", "good"), "share of votes")
    chosen = native.predict(_FIRST)
    assert_is_the_model(model, _TABLE, np.column_stack([chosen == "bad", chosen == "good"]).astype(float))


def test_clusters_are_votes_and_outliers_a_score() -> None:
    rows = _TABLE[["duration_months", "credit_amount"]]
    model = adapt(KMeans(3, n_init=1, random_state=0).fit(rows), rows)
    assert (model.output_names, model.output_unit) == (("0", "1", "2"), "share of votes")
    machine = OneClassSVM().fit(rows)
    model = adapt(machine, rows)
    assert (model.output_names, model.output_unit) == (("prediction",), "decision function")
    assert_is_the_model(model, rows, _one(machine.decision_function(rows[:110])))


@pytest.mark.parametrize(
    ("native", "message"),
    [
        (StandardScaler(), "StandardScaler has no predict"),
        (MultiOutputClassifier(RandomForestClassifier(2)), "several targets at once"),
        (RandomForestClassifier(2), "several targets at once"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_models_without_an_answer_to_explain_are_refused(native: Any, message: str) -> None:
    rows = _TABLE[["duration_months", "credit_amount"]]
    native.fit(rows, np.column_stack([_TARGET, _JOB]))
    with pytest.raises(ModelError, match=message):
        adapt(native, rows)


def test_other_columns_than_those_of_training_are_refused() -> None:
    rows = _TABLE[["duration_months", "credit_amount"]]
    named = RandomForestClassifier(2).fit(rows, _TARGET)
    with pytest.raises(ModelError, match="reads the column 'credit_amount', which is not there"):
        adapt(named, rows[["duration_months"]])
    with pytest.raises(ModelError, match="reads 2 columns and 3 are there"):
        adapt(RandomForestClassifier(2).fit(rows.to_numpy(), _TARGET), rows.assign(third=1.0))


def test_rows_the_model_refuses_are_said_so() -> None:
    native = make_pipeline(make_column_transformer((OneHotEncoder(), ["housing"])), LogisticRegression())
    native.fit(_TABLE[["housing"]], _TARGET)
    rows = _TABLE[["housing"]].replace("own", "castle")
    with pytest.raises(ModelError, match=r"does not answer for the rows .*unknown categories"):
        adapt(native, rows)
