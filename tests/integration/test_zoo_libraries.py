"""Models of XGBoost, LightGBM and Keras, logged by MLflow's flavors for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from harness.zoo import REQUIRED, Zoo, flowers, measurements, require_sound
from mlflow.models import infer_signature

NUMBERS = [f"m{i}" for i in range(5)]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return Zoo(tmp_path_factory.mktemp("zoo"))


def _register(zoo: Zoo, name: str, flavor: str, model: Any, **options: Any) -> str:
    import mlflow

    log = getattr(mlflow, flavor).log_model
    return zoo.register(
        name, lambda registered: log(model, name="model", registered_model_name=registered, **REQUIRED, **options)
    )


def test_xgboost_gives_log_odds_of_two_classes(zoo: Zoo) -> None:
    from xgboost import XGBClassifier

    table = measurements()
    features, big = table[NUMBERS], (table["amount"] > 0).astype(int)
    model = XGBClassifier(n_estimators=8, max_depth=3, n_jobs=1).fit(features, big)
    uri = _register(zoo, "xgb", "xgboost", model, signature=infer_signature(features, model.predict(features)))
    explained = zoo.explain(uri, table, class_names=["small", "big"])
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("big",)
    assert explained.shap.output_unit == "log-odds"
    margins = model.predict(explained.shap.data, output_margin=True)
    np.testing.assert_allclose(explained.shap.predictions[:, 0], margins, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("task", ["binary", "multi", "number"])
def test_lightgbm(zoo: Zoo, task: str) -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor

    table = flowers() if task == "multi" else measurements()
    target = {
        "binary": lambda: np.where(table["amount"] > 0, "big", "small"),
        "multi": lambda: table["species"],
        "number": lambda: table["amount"],
    }[task]()
    features = table[NUMBERS]
    kind = LGBMRegressor if task == "number" else LGBMClassifier
    model = kind(n_estimators=8, num_leaves=7, verbose=-1, n_jobs=1).fit(features, target)
    signature = infer_signature(features, model.predict(features))
    uri = _register(zoo, f"lgbm-{task}", "lightgbm", model, signature=signature)
    explained = zoo.explain(uri, table, target="amount" if task == "number" else None)
    require_sound(explained, "shap_tree", NUMBERS)
    expected = {"binary": ("small",), "multi": ("daisy", "rose", "tulip"), "number": ("amount",)}[task]
    assert explained.shap.output_names == expected
    assert explained.shap.output_unit == {"binary": "log-odds", "multi": "softmax score", "number": "amount"}[task]
    raw = np.asarray(model.predict(explained.shap.data, raw_score=True)).reshape(len(explained.shap.data), -1)
    np.testing.assert_allclose(explained.shap.predictions, raw, rtol=1e-9, atol=1e-9)


def test_catboost(zoo: Zoo) -> None:
    from catboost import CatBoostClassifier

    table = flowers()
    options = {"iterations": 8, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    model = CatBoostClassifier(**options).fit(table[NUMBERS], table["species"])
    uri = _register(zoo, "catboost", "catboost", model, signature=infer_signature(table[NUMBERS], ["rose"]))
    explained = zoo.explain(uri, table)
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("daisy", "rose", "tulip")
    assert explained.shap.output_unit == "softmax score"
    raw = model.predict(explained.shap.data, prediction_type="RawFormulaVal")
    np.testing.assert_allclose(explained.shap.predictions, raw, rtol=1e-9, atol=1e-9)


def _network(n_inputs: int, n_outputs: int, activation: str = "softmax") -> Any:
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((n_inputs,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(n_outputs, activation)]
    )


@pytest.mark.parametrize("classes", [("small", "big"), ("daisy", "rose", "tulip")], ids=["two", "three"])
def test_a_network_that_serves_logits_is_explained_as_probabilities_where_asked_for(
    zoo: Zoo, classes: tuple[str, ...]
) -> None:
    import keras

    features = flowers()[NUMBERS].astype(np.float32)
    two = len(classes) == 2
    model = _network(5, 1 if two else 3, "linear")
    loss = keras.losses.BinaryCrossentropy if two else keras.losses.SparseCategoricalCrossentropy
    model.compile("adam", loss(from_logits=True))
    labels = flowers()["species"].map({"daisy": 0, "rose": 1, "tulip": 2}).clip(upper=len(classes) - 1)
    model.fit(features.to_numpy(), labels.to_numpy(), epochs=5, verbose=0)
    uri = _register(zoo, f"logits{len(classes)}", "keras", model, signature=infer_signature(features.to_numpy()))
    explained = zoo.explain(uri, features, output="probability", class_names=classes)
    require_sound(explained, "shap_exact", NUMBERS)
    assert explained.shap.output_names == classes
    np.testing.assert_allclose(explained.shap.predictions.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    function = "sigmoid" if two else "softmax"
    assert f"Probabilities are explained: the {function} of the scores" in explained.report


def test_keras_classes_under_the_names_their_owner_gives(zoo: Zoo) -> None:
    table = flowers()
    features = table[NUMBERS].astype(np.float32)
    model = _network(5, 3)
    signature = infer_signature(features.to_numpy(), np.asarray(model(features.to_numpy())))
    uri = _register(zoo, "keras", "keras", model, signature=signature)
    explained = zoo.explain(uri, features, class_names=["daisy", "rose", "tulip"])
    require_sound(explained, "shap_exact", NUMBERS)
    assert explained.shap.output_names == ("daisy", "rose", "tulip")
    assert explained.shap.output_unit == "probability"
    direct = np.asarray(model(explained.shap.data.to_numpy()))
    np.testing.assert_allclose(explained.shap.predictions, direct, atol=1e-6)
    assert explained.manifest["model"]["words"] == "Keras network"


def test_a_network_of_two_inputs(zoo: Zoo) -> None:
    import keras
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    left, right = keras.Input((2,), name="left"), keras.Input((3,), name="right")
    model = keras.Model([left, right], keras.layers.Dense(1)(keras.layers.Concatenate()([left, right])))
    specs = [TensorSpec(np.dtype(np.float32), (-1, width), name) for name, width in (("left", 2), ("right", 3))]
    uri = _register(zoo, "two", "keras", model, signature=ModelSignature(inputs=Schema(specs)))
    explained = zoo.explain(uri, measurements(), target="amount")
    require_sound(explained, "shap_exact", NUMBERS)
    rows = explained.shap.data.to_numpy(dtype=np.float32)
    direct = np.asarray(model([rows[:, :2], rows[:, 2:]]))
    np.testing.assert_allclose(explained.shap.predictions, direct, atol=1e-5)
