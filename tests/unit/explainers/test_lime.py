"""LIME: lime's own numbers to the bit, and what lime itself cannot do."""

from __future__ import annotations

import numpy as np
import pytest
from harness.explainable_models import SmallModel, explain, mlp, random_rows, small_model, table, tree_model
from hypothesis import given, settings
from hypothesis import strategies as st
from lime.lime_tabular import LimeTabularExplainer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from threadpoolctl import threadpool_limits

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.registry import load_explainer

CONFIG = ExplainConfig(lime_samples=400, seed=3)


def test_plain_lime_gives_the_same_bits() -> None:
    features = random_rows(120, 5, 1)
    features[:, 3] = np.random.default_rng(0).integers(0, 3, 120)  # a categorical column
    forest = RandomForestClassifier(10, random_state=0).fit(
        features, np.digitize(features[:, 0] * features[:, 1], [-0.3, 0.3])
    )
    model = tree_model(forest, 5, categories={"f3": ("red", "green", "blue")})
    explanation = explain("lime", model, table(features[:4]), table(features[:60]), CONFIG)
    for i in range(4):
        plain = LimeTabularExplainer(
            features[:60], categorical_features=[3], feature_selection="none", random_state=3
        ).explain_instance(features[i], forest.predict_proba, labels=(0, 1, 2), num_features=5, num_samples=400)
        for output in range(3):
            weights = dict(plain.local_exp[output])
            assert [weights[feature] for feature in range(5)] == explanation.values[i, :, output].tolist()
            assert plain.intercept[output] == explanation.base_values[i, output]
        assert plain.score == explanation.local_r2[i, 2]  # lime keeps the last output's


@pytest.mark.parametrize(("width", "most"), [(0.4, None), (3.0, None), (None, 2), (1.0, 3), (None, 9)])
def test_a_chosen_width_and_number_of_features_are_limes(width: float | None, most: int | None) -> None:
    """To rounding only where features are chosen: lime fits the chosen ones on columns of their own."""
    features = random_rows(120, 5, 1)
    forest = RandomForestRegressor(10, random_state=0).fit(features, features[:, 0] * features[:, 1] + features[:, 2])
    config = ExplainConfig(lime_samples=400, seed=3, lime_kernel_width=width, lime_features=most)
    explanation = explain("lime", tree_model(forest, 5), table(features[:4]), table(features), config)
    assert explanation.details == {
        "samples": 400.0,
        "kernel_width": width or 0.75 * np.sqrt(5),
        "features": min(most or 5, 5),
    }
    assert explanation.local_r2 is not None
    for i in range(4):
        chosen = "none" if most is None else "highest_weights"
        plain = LimeTabularExplainer(
            features, mode="regression", feature_selection=chosen, kernel_width=width, random_state=3
        ).explain_instance(features[i], forest.predict, num_features=most or 5, num_samples=400)
        weights = dict(plain.local_exp[1])
        assert len(weights) == np.count_nonzero(explanation.values[i]) == min(most or 5, 5)
        expected = [weights.get(feature, 0.0) for feature in range(5)]
        np.testing.assert_allclose(explanation.values[i, :, 0], expected, rtol=1e-9, atol=0)
        np.testing.assert_allclose(explanation.local_r2[i, 0], plain.score, rtol=1e-9)
        if most is None:
            assert explanation.values[i, :, 0].tolist() == expected


def test_plain_lime_gives_the_same_bits_for_a_regression() -> None:
    features = random_rows(80, 3, 1)
    forest = RandomForestRegressor(10, random_state=0).fit(features, features[:, 0] ** 2 + features[:, 1])
    explanation = explain("lime", tree_model(forest, 3), table(features[:1]), table(features), CONFIG)
    plain = LimeTabularExplainer(
        features, mode="regression", feature_selection="none", random_state=3
    ).explain_instance(features[0], forest.predict, num_features=3, num_samples=400)
    weights = dict(plain.local_exp[1])
    assert [weights[feature] for feature in range(3)] == explanation.values[0, :, 0].tolist()
    assert explanation.local_r2 is not None
    assert plain.score == explanation.local_r2[0, 0]


@settings(max_examples=25, deadline=None)
@given(
    n_features=st.integers(1, 12),
    n_categorical=st.integers(0, 4),
    n_background=st.integers(16, 80),  # from few rows come bins of one value, which are better here than in lime
    n_samples=st.integers(20, 300),
    seed=st.integers(0, 2**32 - 1),
    decimals=st.sampled_from([3, 8]),  # with few of them some values are equal
    single_precision=st.booleans(),
)
def test_plain_lime_gives_the_same_bits_for_any_table(
    n_features: int,
    n_categorical: int,
    n_background: int,
    n_samples: int,
    seed: int,
    decimals: int,
    single_precision: bool,  # noqa: FBT001 - likewise
) -> None:
    random = np.random.default_rng(seed)
    background = np.round(random_rows(n_background, n_features, seed), decimals)
    categorical = sorted({int(i) for i in random.integers(0, n_features, n_categorical)})
    background[:, categorical] = random.integers(0, 3, (n_background, len(categorical)))
    function = mlp(n_features, 3, seed)

    def predict(encoded: np.ndarray) -> np.ndarray:
        rounded = function(encoded).round(6)  # so that its bits do not depend on the size of the batch
        return rounded.astype(np.float32) if single_precision else rounded

    categories = {f"f{i}": ("a", "b", "c") for i in categorical}
    model = small_model(predict, n_features, 3, categories=categories)
    config = ExplainConfig(lime_samples=n_samples, seed=seed)
    row = background[random.integers(0, n_background)]
    explanation = explain("lime", model, table(row[np.newaxis]), table(background), config)
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
        lime = LimeTabularExplainer(
            background, categorical_features=categorical, feature_selection="none", random_state=seed
        )
        plain = lime.explain_instance(row, predict, labels=(0, 1, 2), num_samples=n_samples)
    for output in range(3):
        weights = dict(plain.local_exp[output])
        assert [weights[feature] for feature in range(n_features)] == explanation.values[0, :, output].tolist()
        assert plain.intercept[output] == explanation.base_values[0, output]


class Recording(SmallModel):
    """Remembers the estimator's inputs it was asked about."""

    def forward(self, encoded: np.ndarray) -> np.ndarray:
        self.asked = encoded
        return self.function(encoded)


def recording(n_features: int, **options: object) -> Recording:
    names = tuple(f"f{i}" for i in range(n_features))
    return Recording(
        function=lambda x: np.nan_to_num(x, nan=5.0).sum(axis=1, keepdims=True),
        feature_names=names,
        output_names=("target",),
        **options,  # type: ignore[arg-type]
    )


def test_missing_values_are_a_bin_of_their_own() -> None:
    background = random_rows(200, 2, 1)
    background[:60, 0] = np.nan  # 30 %
    model = recording(2)
    explanation = explain("lime", model, table(np.array([[np.nan, 0.0], [0.1, 0.0]])), table(background), CONFIG)
    assert 0.22 < np.isnan(model.asked[:, 0]).mean() < 0.38
    assert not np.isnan(model.asked[:, 1]).any()
    assert explanation.values[0, 0, 0] > 3  # missing counts as 5, what is present as 0 on average
    assert explanation.local_r2 is not None
    assert explanation.local_r2[0, 0] > 0.5


def test_missing_and_new_categories() -> None:
    random = np.random.default_rng(0)
    background = random.integers(0, 2, (100, 1)).astype(float)
    background[:30] = np.nan
    model = recording(1, categories={"f0": ("a", "b", "never seen")})
    rows = table(np.array([[np.nan], [0.0], [2.0]]))
    explanation = explain("lime", model, rows, table(background), CONFIG)
    asked = model.asked[:, 0]
    assert set(asked[~np.isnan(asked)]) == {0.0, 1.0}
    assert 0.22 < np.isnan(asked).mean() < 0.38
    assert explanation.values[0, 0, 0] > 3
    assert explanation.values[1, 0, 0] < 0


def test_columns_of_one_value_keep_it() -> None:
    background = np.column_stack([np.full(50, 7.0), np.r_[np.ones(45), 2 * np.ones(5)], random_rows(50, 1, 1)[:, 0]])
    model = recording(3)
    explanation = explain("lime", model, table(background[:2]), table(background), CONFIG)
    assert (model.asked[:, 0] == 7).all()  # lime itself would put 0 here
    assert set(model.asked[:, 1]) == {1.0, 2.0}
    np.testing.assert_allclose(explanation.values[:, 0], 0, atol=1e-12)


def test_a_column_without_any_value_keeps_none() -> None:
    background = np.column_stack([np.full(50, np.nan), random_rows(50, 1, 1)[:, 0]])
    model = recording(2)
    explanation = explain("lime", model, table(background[:2]), table(background), CONFIG)
    assert np.isnan(model.asked[:, 0]).all()
    np.testing.assert_allclose(explanation.values[:, 0], 0, atol=1e-12)


def test_unused_features_get_zero() -> None:
    rows = table(random_rows(3, 4, 1))
    model = small_model(mlp(2, 2, 1), 4, 2, unused=(0, 2))
    explanation = explain("lime", model, rows, table(random_rows(50, 4, 2)), CONFIG)
    assert (explanation.values[:, [0, 2]] == 0).all()
    assert (explanation.values[:, [1, 3]] != 0).all()


def test_a_model_that_reads_no_feature_is_its_own_surrogate() -> None:
    model = small_model(lambda x: np.full((len(x), 1), 0.25), 2, unused=(0, 1))
    explanation = explain("lime", model, table(random_rows(2, 2, 1)), table(random_rows(9, 2, 2)), CONFIG)
    assert (explanation.values == 0).all()
    assert (explanation.base_values == 0.25).all()


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    rows, background = table(random_rows(6, 3, 1)), table(random_rows(40, 3, 2))
    model = small_model(mlp(3, 2, 1), 3, 2)
    together = explain("lime", model, rows, background, CONFIG)
    alone = explain("lime", model, rows.iloc[[4]], background, CONFIG)
    assert (alone.values[0] == together.values[4]).all()
    other_seed = explain("lime", model, rows, background, ExplainConfig(lime_samples=400, seed=4))
    assert (other_seed.values != together.values).any()


def test_too_few_samples_and_too_little_time_are_refused() -> None:
    rows = table(random_rows(20, 3, 1))
    model = small_model(mlp(3, 1, 1), 3)
    assert "allow at least 5" in (load_explainer("lime").refusal(model, ExplainConfig(lime_samples=4)) or "")
    with pytest.raises(ModelError, match="lime: lime_samples=4 cannot fit 3 features"):
        explain("lime", model, rows, rows, ExplainConfig(lime_samples=4))
    with pytest.raises(ModelError, match="lime: max_seconds=1e-06 is not enough"):
        explain("lime", model, rows, rows, ExplainConfig(lime_samples=50, max_seconds=1e-6))


def test_what_no_line_can_be_fitted_to_is_refused() -> None:
    rows = table(random_rows(20, 2, 1))
    model = small_model(lambda x: np.log(np.maximum(x[:, :1], 0)), 2)
    with pytest.raises(ModelError, match=r"not a finite number for \d+ of 20 rows"), np.errstate(divide="ignore"):
        explain("lime", model, rows[:20], rows, CONFIG)
    positive = table(np.abs(random_rows(3, 2, 1)))
    with pytest.raises(ModelError, match="of 399 perturbed rows"), np.errstate(divide="ignore"):
        explain("lime", model, positive, rows, CONFIG)
    infinite = rows.copy()
    infinite.iloc[3, 1] = np.inf
    with pytest.raises(ModelError, match=r"feature 'f1' is infinite in row \d+ of the background"):
        explain("lime", small_model(mlp(2, 1, 1), 2), rows, infinite, CONFIG)


def test_a_network_whose_bits_depend_on_the_batch_gives_the_same_row_in_any_company() -> None:
    rows, background = table(random_rows(6, 3, 1)), table(random_rows(40, 3, 2))
    model = small_model(lambda x: np.tanh(x).sum(axis=1, keepdims=True) + 1e-9 * len(x), 3)
    together = explain("lime", model, rows, background, CONFIG)
    alone = explain("lime", model, rows.iloc[[4]], background, CONFIG)
    assert (alone.values[0] == together.values[4]).all()
    assert (alone.predictions[0] == together.predictions[4]).all()


def test_the_number_of_threads_does_not_change_a_bit() -> None:
    rows, background = table(random_rows(2, 200, 1)), table(random_rows(60, 200, 2))  # wide: BLAS would split it
    model = small_model(lambda x: np.tanh(x[:, :50]).sum(axis=1, keepdims=True), 200)
    config = ExplainConfig(lime_samples=3000)
    values = []
    for threads in (1, 2, 4):
        with threadpool_limits(limits=threads, user_api="blas"):
            values.append(explain("lime", model, rows, background, config).values)
    assert (values[0] == values[1]).all()
    assert (values[0] == values[2]).all()


def test_outputs_whose_squares_no_number_holds_are_refused() -> None:
    features = random_rows(80, 3, 1)
    forest = RandomForestRegressor(3, random_state=0).fit(features, features[:, 0])
    for tree in forest.estimators_:
        tree.tree_.value[:] *= 1e200
    with pytest.raises(
        ModelError, match=r"^lime: the model's outputs, up to \d.*e\+200, are too large for a surrogate"
    ):
        explain("lime", tree_model(forest, 3), table(features[:3]), table(features), CONFIG)
