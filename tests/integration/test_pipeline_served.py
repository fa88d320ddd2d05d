"""A registered model is usable by people who have MLflow and have never heard of this library."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness import serve_without_library
from harness.pipeline import CASES, Case, Pipeline, train_config
from harness.pipeline_tables import TABLES, raw_extremes
from harness.process import bare_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.xdist_group("pipeline")

_every_case = pytest.mark.parametrize("case", CASES, ids="-".join)


@pytest.fixture(scope="module")
def answers(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], dict[str, Any]]:
    """What all models say about raw rows, asked by one program that cannot import this library."""
    folder = tmp_path_factory.mktemp("served")
    arguments, places = [], {}
    for task, kind in CASES:
        make, target = TABLES[task]
        rows = raw_extremes(make().drop(columns=target))
        asked, places[task, kind] = folder / f"{task}-{kind}-rows.json", folder / f"{task}-{kind}-answer.json"
        asked.write_text(rows.to_json(orient="records"), encoding="utf-8")
        arguments += [pipeline.case(task, kind).trained.uri, str(asked), str(places[task, kind])]
    program = Path(serve_without_library.__file__)
    done = subprocess.run(
        [sys.executable, "-I", str(program), pipeline.uri, *arguments],
        env=bare_environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return {case: json.loads(place.read_text(encoding="utf-8")) for case, place in places.items()}


@_every_case
def test_raw_rows_get_a_frame_under_the_names_of_the_outputs(
    case: tuple[str, str], answers: Mapping[tuple[str, str], dict[str, Any]]
) -> None:
    answer = answers[case]
    assert answer["type"] == "DataFrame"
    assert (
        answer["columns"]
        == {
            "binary": ["bad", "good"],
            "multiclass": ["Barbera", "Grignolino", "Nebbiolo"],
            "regression": ["progression"],
        }[case[0]]
    )
    assert answer["index"] == ["7", "7", "3", "x"]  # the caller's own, whatever it is
    values = np.array(answer["values"])
    assert np.isfinite(values).all()
    if case[0] != "regression":
        assert values.min() >= 0
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=0, atol=1e-12)


@_every_case
def test_the_library_says_the_same(
    case: tuple[str, str], answers: Mapping[tuple[str, str], dict[str, Any]], pipeline: Pipeline
) -> None:
    import mlflow

    mlflow.set_tracking_uri(pipeline.uri)
    make, target = TABLES[case[0]]
    rows = make().drop(columns=target)
    alone = mlflow.pyfunc.load_model(pipeline.case(*case).trained.uri).predict(rows.head(2)).to_numpy()
    np.testing.assert_allclose(np.array(answers[case]["values"])[2:], alone, rtol=1e-6)


@_every_case
def test_the_registered_model_is_as_good_as_training_said(case: tuple[str, str], pipeline: Pipeline) -> None:
    """Class by class: two probabilities in the wrong order would turn every metric upside down."""
    import mlflow

    from interp_pipeline.data.dataset import load_dataset
    from interp_pipeline.training.metrics import compute_metrics

    mlflow.set_tracking_uri(pipeline.uri)
    dataset = load_dataset(str(pipeline.csv(case[0])), train_config(*case))
    trained = pipeline.case(*case).trained
    outputs = mlflow.pyfunc.load_model(trained.uri).predict(dataset.features(dataset.test)).to_numpy()
    found = compute_metrics(dataset.target(dataset.test), outputs, dataset.schema, dataset.target(dataset.train))
    assert found == pytest.approx(dict(trained.metrics), rel=1e-5)


@pytest.mark.parametrize("positive", ["yes", "no"])
@pytest.mark.parametrize("kind", ["random_forest", "keras"])
def test_the_right_class_is_explained(kind: str, positive: str, pipeline: Pipeline) -> None:
    """Where the cause of "yes" is high, it raises the probability of "yes" and lowers that of "no"."""
    random = np.random.default_rng(2)
    cause = random.normal(size=300)
    table = pd.DataFrame({"noise": random.normal(size=300), "cause": cause, "y": np.where(cause > 0, "yes", "no")})
    path = pipeline.folder / "planted.csv"
    table.to_csv(path, index=False)
    config = train_config("binary", kind, target="y", epochs=30, positive_class=positive)
    trained = pipeline.train(str(path), f"planted-{kind}-{positive}", config)
    shap = pipeline.explain(trained.uri, publishing=False, data=table.head(40)).shap
    assert shap is not None
    assert shap.positive_class == positive
    effect = {name: shap.values[:, 1, k] for k, name in enumerate(shap.output_names)}
    clear = np.abs(shap.data["cause"].to_numpy()) > 0.5
    high = shap.data["cause"].to_numpy()[clear] > 0
    assert ((effect["yes"][clear] > 0.1) == high).all()
    assert ((effect["no"][clear] < -0.1) == high).all()
    assert shap.ranking[0] == 1
    for name, sign in (("yes", high), ("no", ~high)):
        assert ((shap.predictions[clear, shap.output_names.index(name)] > 0.5) == sign).all()


@pytest.mark.parametrize("kind", ["random_forest", "keras"])
def test_how_pandas_happened_to_read_a_batch_does_not_matter(kind: str, pipeline: Pipeline) -> None:
    """One row's gap makes a column of whole numbers floats, a batch without fractions makes floats whole."""
    import mlflow

    mlflow.set_tracking_uri(pipeline.uri)
    case: Case = pipeline.case("multiclass", kind)
    model = mlflow.pyfunc.load_model(case.trained.uri)
    row = TABLES["multiclass"][0]().drop(columns="cultivar").iloc[[5]].assign(alcohol=13.0, vineyards=2, organic=True)
    expected = model.predict(row).to_numpy()
    readings = {
        "whole as float": row.astype({"vineyards": "float64"}),
        "float as whole": row.astype({"alcohol": "int64"}),
        "small numbers": row.astype({"vineyards": "int8", "alcohol": "float32"}),
        "nullable": row.astype({"vineyards": "Int64", "alcohol": "Float64", "organic": "boolean"}),
        "truth as text": row.assign(organic="true"),
        "categorical": row.astype({"region": "category"}),
        "dates": row.assign(bottled=pd.to_datetime(row["bottled"])),
        "everything an object": row.astype(object),
        "unused columns absent": row.drop(columns=["bottle", "country"]),
    }
    for name, reading in readings.items():
        np.testing.assert_allclose(model.predict(reading).to_numpy(), expected, rtol=1e-6, err_msg=name)
    gap = model.predict(row.assign(vineyards=np.nan)).to_numpy()  # whole numbers without a gap in training
    assert np.isfinite(gap).all()


def test_a_value_that_fits_no_rule_is_named_with_its_row(pipeline: Pipeline) -> None:
    import mlflow

    mlflow.set_tracking_uri(pipeline.uri)
    model = mlflow.pyfunc.load_model(pipeline.case("multiclass", "random_forest").trained.uri)
    rows = TABLES["multiclass"][0]().drop(columns="cultivar").head(2).astype({"proline": object})
    rows.loc[1, "proline"] = "much"
    with pytest.raises(ValueError, match="column 'proline', row 1: 'much' is not a finite number"):
        model.predict(rows)
    with pytest.raises(Exception, match="proline"):  # MLflow's own refusal: the signature names the columns
        model.predict(rows.drop(columns="proline"))


@_every_case
def test_signature_and_example_tell_a_stranger_what_to_send(case: tuple[str, str], pipeline: Pipeline) -> None:
    import mlflow

    mlflow.set_tracking_uri(pipeline.uri)
    make, target = TABLES[case[0]]
    features = list(make().drop(columns=target).columns)
    model = mlflow.pyfunc.load_model(pipeline.case(*case).trained.uri)
    assert model.metadata.signature.inputs.input_names() == features
    assert (
        len(model.metadata.signature.outputs.input_names()) == {"binary": 2, "multiclass": 3, "regression": 1}[case[0]]
    )
    example = model.input_example
    assert list(example.columns) == features
    assert len(example) == 5
    assert np.isfinite(model.predict(example).to_numpy()).all()
