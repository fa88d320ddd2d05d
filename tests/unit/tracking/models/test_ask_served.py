"""What MLflow serves for networks of several inputs and outputs is what is explained."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.checks import served_disagreement
from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.tracking.models.load import ModelTables, load_model

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.tracking.models.load import LoadedModel

_RANDOM = np.random.default_rng(0)
_TABLE = pd.DataFrame(_RANDOM.normal(size=(60, 3)), columns=["age", "rooms", "dist"]).astype("float32")


def _network(kind: str) -> Any:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    if kind == "one column each":
        given = {name: keras.Input((1,), name=name) for name in _TABLE}
    else:
        given = {"pair": keras.Input((2,), name="pair"), "dist": keras.Input((1,), name="dist")}
    joined = layers.Dense(4, "tanh")(layers.Concatenate()(list(given.values())))
    price, risk = layers.Dense(1, name="price")(joined), layers.Dense(1, "sigmoid", name="risk")(joined)
    network = keras.Model(given, {"price": price, "risk": risk} if kind == "one column each" else [price, risk])
    losses = {"price": "mse", "risk": "binary_crossentropy"}
    network.compile(loss=losses if kind == "one column each" else list(losses.values()))
    network.optimizer.build(network.trainable_variables)  # as training does: Keras warns where it was not
    return network


def _example(kind: str) -> dict[str, Any]:
    if kind == "one column each":
        return {name: _TABLE[[name]].to_numpy() for name in _TABLE}
    return {"pair": _TABLE[["age", "rooms"]].to_numpy(), "dist": _TABLE[["dist"]].to_numpy()}


def _loaded(path: Path, **options: Any) -> LoadedModel:
    config = ExplainConfig(**options)
    return load_model(path, "models:/m/1", ModelTables(rows=_TABLE[:40], background=_TABLE[40:]), config)


def _disagreement(loaded: LoadedModel) -> float | None:
    """Share of rows for which the served model answers otherwise than the explained outputs imply."""
    parts, rows = loaded.parts, loaded.rows
    predictions = parts.forward(parts.encode(parts.to_matrix(rows)))
    explained = Explanation(
        values=np.zeros((len(rows), rows.shape[1], predictions.shape[1])),
        base_values=predictions,
        predictions=predictions,
        data=rows,
        output_names=parts.output_names,
        output_unit=parts.output_unit,
        positive_class=parts.positive_class,
        method="none",
        seed=0,
        cost=Cost(seconds=0.0, model_evaluations=0),
    )
    assert loaded.served is not None
    return served_disagreement(explained, loaded.served(rows), loaded.class_labels)


@pytest.mark.parametrize(
    ("flavor", "kind", "signed"),
    [
        ("keras", "one column each", True),
        ("tensorflow", "one column each", False),
        ("keras", "several columns", False),
        ("tensorflow", "several columns", True),
    ],
)
def test_what_is_served_is_explained(flavor: str, kind: str, signed: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a case
    import mlflow
    from mlflow.models import infer_signature

    network = _network(kind)
    signature = infer_signature(_example(kind)) if signed else None
    path = tmp_path / "m"
    getattr(mlflow, flavor).save_model(network, path=str(path), signature=signature, pip_requirements=[])
    with pytest.raises(UsageError, match=r"models:/m/1: the model has 2 outputs \(price, risk\); choose one with"):
        _loaded(path)
    price = _loaded(path, output_name="price")
    assert (list(price.rows.columns), price.parts.output_unit) == (["age", "rooms", "dist"], "price")
    assert _disagreement(price) == 0.0
    risk = _loaded(path, output_name="risk", positive_class="class 1")
    assert risk.parts.output_unit == "probability"
    assert _disagreement(risk) == 0.0
    rows = {name: values[:40] for name, values in _example(kind).items()}
    expected = network.predict(rows, verbose=0)
    of_price = expected["price"] if isinstance(expected, dict) else expected[0]
    np.testing.assert_allclose(price.reference(price.rows), of_price, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:(?s).*input example was not provided:UserWarning")
@pytest.mark.filterwarnings("ignore:(?s).*Add type hints:UserWarning")
def test_a_function_of_named_tensors_is_asked_by_them(tmp_path: Path) -> None:
    import mlflow
    from mlflow.models import infer_signature

    code = tmp_path / "sum_model.py"
    code.write_text(
        "import mlflow\n"
        "class Sum(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return model_input['pair'].sum(axis=1) + 2.0 * model_input['dist'][:, 0]\n"
        "mlflow.models.set_model(Sum())\n"
    )
    mlflow.pyfunc.save_model(
        str(tmp_path / "m"),
        python_model=str(code),
        signature=infer_signature(_example("several columns")),
        pip_requirements=[],
    )
    loaded = _loaded(tmp_path / "m", target="sum")
    assert list(loaded.rows.columns) == ["age", "rooms", "dist"]
    expected = loaded.rows["age"] + loaded.rows["rooms"] + 2 * loaded.rows["dist"]
    np.testing.assert_allclose(loaded.reference(loaded.rows)[:, 0], expected, rtol=1e-6)
    assert _disagreement(loaded) == 0.0
