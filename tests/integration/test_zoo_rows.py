"""Where the rows and the background of a model come from that somebody else registered, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.command_line import interp, script
from harness.zoo import REQUIRED, Zoo, measurements, require_sound
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import interp_pipeline
from interp_pipeline.errors import DataError, ModelError, NoDataError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = [f"m{i}" for i in range(5)]
TABLE = measurements()
MODEL = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS], TABLE["amount"])


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    return Zoo(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(autouse=True)
def here(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store, as MLflow's own setting names it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", zoo.uri)


def _log(model: Any = MODEL, **options: Any) -> Any:
    import mlflow

    chosen: dict[str, Any] = {"serialization_format": "cloudpickle", **REQUIRED, **options}
    return lambda name: mlflow.sklearn.log_model(model, name="model", registered_model_name=name, **chosen)


def _dataset(path: Path, frame: pd.DataFrame) -> Any:
    """A table in a file, as a data set of MLflow's."""
    from mlflow.data.pandas_dataset import from_pandas
    from mlflow.data.sources import LocalArtifactDatasetSource

    frame.to_csv(path, index=False)
    return from_pandas(frame, source=LocalArtifactDatasetSource(str(path)), name=path.stem)


def test_without_a_signature_the_fitted_names_count(zoo: Zoo) -> None:
    shuffled = TABLE[["amount", *reversed(NUMBERS)]]
    explained = zoo.explain(zoo.register("unsigned", _log()), shuffled, target="amount")
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.output_names == ("amount",)
    assert "The true outcome was" in explained.report


def test_true_outcomes_give_a_performance_beside_the_metrics_of_the_run_itself(zoo: Zoo) -> None:
    import mlflow

    def log(name: str) -> None:
        mlflow.log_metric("test_r2", 0.123)
        _log()(name)

    explained = zoo.explain(zoo.register("measured", log), TABLE, target="amount", rows=30)
    client = mlflow.MlflowClient()
    version = client.get_model_version("measured", "1")
    metrics = client.get_run(str(version.run_id)).data.metrics
    rows = explained.shap.data
    off = np.abs(MODEL.predict(rows) - TABLE.loc[rows.index, "amount"])
    assert metrics["explained_rows/mae"] == pytest.approx(off.mean())
    assert metrics["explained_rows/r2_low"] < metrics["explained_rows/r2"] < metrics["explained_rows/r2_high"]
    assert metrics["test_r2"] == 0.123
    assert explained.manifest["performance"]["rows"] == 30
    assert "On 30 explained rows whose outcomes are known (it may have learned from them)" in explained.report
    assert "| Result | Value |" in str(version.description)


def test_without_any_names_those_of_the_table_count(zoo: Zoo) -> None:
    bare = DecisionTreeRegressor(max_depth=4, random_state=0).fit(TABLE[NUMBERS].to_numpy(), TABLE["amount"])
    uri = zoo.register("nameless", _log(bare))
    require_sound(zoo.explain(uri, TABLE, target="amount"), "shap_tree", NUMBERS)
    with pytest.raises(UsageError, match=r"does not name its 5 columns, and the given frame has 6 .* --target"):
        zoo.explain(uri, TABLE)
    with pytest.raises(UsageError, match="does not name its 5 columns, and the given frame has 3"):
        zoo.explain(uri, TABLE[NUMBERS[:3]])


def test_without_any_data_it_says_how_to_give_some(zoo: Zoo) -> None:
    uri = zoo.register("bare", _log())
    with pytest.raises(NoDataError) as caught:
        zoo.explain(uri)
    assert str(caught.value) == (
        "models:/bare/1 has no rows to explain: give data=... in Python, --data FILE on the command line. For good, "
        "and for a worker, name a table in the version's tag interp.rows or under [[data]] in the configuration, or "
        "log an input example of 20 rows with the model or a data set with its run (mlflow.log_input). Looked at: its "
        "run has no data set as input; the model has no input example with named columns"
    )


def test_data_sets_of_the_run_are_read_again(zoo: Zoo, tmp_path: Path) -> None:
    train, test = _dataset(tmp_path / "train.csv", TABLE[:120]), _dataset(tmp_path / "test.csv", TABLE[120:])
    uri = zoo.register("logged", _log(), (train, "training"), (test, "test"))
    explained = zoo.explain(uri, target="amount", rows=15)
    require_sound(explained, "shap_tree", NUMBERS)
    manifest = explained.manifest
    assert manifest["rows"] == {"count": 15, "source": f"the data set 'test' ({tmp_path}/test.csv) logged with the run"}
    drawn = f"100 of 120 rows of the data set 'train' ({tmp_path}/train.csv) logged with the run, drawn"
    assert manifest["background_source"] == drawn
    assert manifest["background_rows"] == 100
    held_out = TABLE[120:][NUMBERS].reset_index(drop=True)
    pd.testing.assert_frame_equal(explained.shap.data, held_out.loc[explained.shap.data.index])
    assert "Explained here: 15 rows of the data set 'test'" in explained.report
    assert "Effects are relative to a background of 100 of 120 rows of the data set 'train'" in explained.report

    (tmp_path / "test.csv").unlink()
    said = interp("explain models:/logged/1 --target amount --rows 5 --methods shap").stderr
    assert "test.csv does not exist" in said
    assert "Rows to explain come from the data set 'train'" in said


def test_an_input_example_is_enough_from_twenty_rows_on(zoo: Zoo) -> None:
    from mlflow.data.pandas_dataset import from_pandas

    code = from_pandas(TABLE[NUMBERS], name="made here")
    uri = zoo.register("example", _log(input_example=TABLE[NUMBERS].head(30)), (code, "training"))
    explained = zoo.explain(uri, rows=10)
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.manifest["rows"]["source"] == "the input example logged with the model"
    assert explained.manifest["background_source"].startswith("the input example logged with the model, some of them")

    few = zoo.register("few", _log(input_example=TABLE[NUMBERS].head(5)))
    with pytest.raises(ModelError, match="its input example has 5 rows, fewer than 20"):
        zoo.explain(few)


def test_a_single_row_needs_a_background(zoo: Zoo) -> None:
    uri = zoo.register("single", _log())
    says = r"has no background data: give background=.*--background FILE .*the given frame has 1 row, fewer than 20"
    with pytest.raises(ModelError, match=says):
        zoo.explain(uri, TABLE[:1], target="amount")
    explained = zoo.explain(uri, TABLE[:1], background=TABLE[1:60], target="amount")
    require_sound(explained, "shap_tree", NUMBERS)
    expected = MODEL.predict(TABLE[1:60][NUMBERS]).mean()
    np.testing.assert_allclose(explained.shap.base_values, expected, rtol=1e-12)


def test_a_method_that_uses_no_background_needs_none(zoo: Zoo) -> None:
    uri = zoo.register("counted", _log())
    explained = zoo.explain(uri, TABLE[:1], target="amount", methods=["shap_tree_path_dependent"])
    assert explained.shap.method == "shap_tree_path_dependent"
    np.testing.assert_allclose(explained.shap.base_values, TABLE["amount"].mean(), rtol=1e-9)
    assert "Effects are relative to the training rows as the trees counted them." in explained.report
    assert "background rows of" not in explained.report
    with pytest.raises(ModelError, match="has no background data"):
        zoo.explain(uri, TABLE[:1], target="amount", methods=["shap_tree_path_dependent", "lime"])


def test_rows_and_background_of_one_table_are_kept_apart_and_drawn_alike_each_time(zoo: Zoo) -> None:
    uri = zoo.register("apart", _log())
    first = zoo.explain(uri, TABLE, target="amount", rows=20)
    background = pd.read_parquet(first.folder / "background.parquet")
    rows = pd.read_parquet(first.folder / "explained_rows.parquet")
    assert len(background) == 100
    assert not set(background.index) & set(rows.index)
    assert first.manifest["background_source"] == "100 of 160 rows of the given frame, drawn, none of them explained"
    files = first.manifest["files"]
    again = zoo.explain(uri, TABLE.sample(frac=1, random_state=1), target="amount", rows=20)
    assert again.manifest["files"] == files
    assert again.manifest["key"] == first.manifest["key"]


def test_how_much_of_the_background_is_taken_is_said_and_can_be_chosen(zoo: Zoo, tmp_path: Path) -> None:
    uri = zoo.register("behind", _log())
    large = pd.concat([TABLE] * 8, ignore_index=True)
    large.to_csv(tmp_path / "bg.csv", index=False)
    TABLE[:20].to_csv(tmp_path / "rows.csv", index=False)
    options = f"--target amount --methods shap --background {tmp_path}/bg.csv --data {tmp_path}/rows.csv"
    said = interp(f"explain {uri} {options}").stderr
    assert f"Effects are relative to a background of 100 of 1,280 rows of {tmp_path}/bg.csv, drawn." in said
    said = interp(f"explain {uri} {options} --background-rows 5000").stderr
    assert f"Effects are relative to 1,280 background rows of {tmp_path}/bg.csv." in said
    explained = zoo.explain(uri, TABLE[:20], background=large, background_rows=1000)
    assert explained.manifest["background_source"] == "1,000 of 1,280 rows of the given frame, drawn"
    assert explained.manifest["background_rows"] == 1000
    assert "a background of 1,000 of 1,280 rows of the given frame, drawn." in explained.report


def test_numbered_classes_under_the_names_their_owner_gives_answer_as_they_are_served(zoo: Zoo) -> None:
    table = TABLE.assign(amount=(TABLE["amount"] > 0).astype(int))
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(table[NUMBERS], table["amount"])
    explained = zoo.explain(zoo.sklearn("renamed", model, table, "amount"), table, class_names=["small", "big"])
    assert explained.shap.output_names == ("small", "big")
    assert explained.manifest["checks"]["served_disagreement"] == 0
    assert "answers otherwise" not in explained.report


def test_the_columns_of_an_array_are_called_by_their_positions(zoo: Zoo) -> None:
    from mlflow.models import infer_signature

    array = TABLE[NUMBERS].to_numpy()
    bare = DecisionTreeRegressor(max_depth=4, random_state=0).fit(array, TABLE["amount"])
    for name, options in {"unsigned array": {}, "tensor": {"signature": infer_signature(array)}}.items():
        uri = zoo.register(name, _log(bare, **options))
        explained = zoo.explain(uri, pd.DataFrame(array[:40]), background=pd.DataFrame(array[40:]))
        require_sound(explained, "shap_tree", list("01234"))
    with_target = TABLE[NUMBERS].set_axis(range(5), axis="columns").assign(amount=TABLE["amount"])
    require_sound(zoo.explain(uri, with_target, target="amount"), "shap_tree", list("01234"))


@pytest.mark.parametrize("option", ["data", "background"])
def test_what_is_no_table_is_refused(zoo: Zoo, option: str) -> None:
    uri = zoo.register(f"picky {option}", _log())
    what = {"data": "rows to explain", "background": "background data"}[option]
    for wrong, kind in ((TABLE.to_numpy(), "ndarray"), ([1, 2], "list"), (3, "int")):
        with pytest.raises(UsageError, match=f"the {what} must be a pandas DataFrame, or the path .* not {kind};"):
            zoo.explain(uri, **{"data": TABLE, option: wrong})
    twice = pd.concat([TABLE, TABLE[["m1"]]], axis="columns")
    with pytest.raises(DataError, match=f"the frame of {what}: columns that occur more than once: 'm1'; rename"):
        zoo.explain(uri, **{"data": TABLE, option: twice})
    with pytest.raises(DataError, match="more than once: '1'"):
        zoo.explain(uri, TABLE.set_axis([1, "1", *"abcd"], axis="columns"))


def test_half_a_row_is_refused(zoo: Zoo) -> None:
    uri = zoo.register("halves", _log())
    with pytest.raises(UsageError, match=r"rows must be a whole number, not 1\.5"):
        zoo.explain(uri, TABLE, rows=1.5)
    with pytest.raises(UsageError, match=r"rows must be a whole number, not 1\.5"):
        interp_pipeline.compare([uri, uri], rows=1.5)  # type: ignore[arg-type]  # what a caller may do


def test_types_are_those_the_signature_declares(zoo: Zoo) -> None:
    from mlflow.models import infer_signature

    table = TABLE.assign(m4=np.arange(len(TABLE)) % 7)
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(table[NUMBERS], table["amount"])
    with pytest.warns(UserWarning, match="integer column"):
        signature = infer_signature(table[NUMBERS], table["amount"])
    uri = zoo.register("typed", _log(model, signature=signature))
    explained = zoo.explain(uri, table.astype({"m4": "float64"}))  # as a file with a gap somewhere else gives it
    require_sound(explained, "shap_tree", NUMBERS)
    assert explained.shap.data["m4"].dtype == np.int64
    says = "column 'm4', row 3: nan is missing, where the model's signature declares whole numbers"
    with pytest.raises(DataError, match=says):
        zoo.explain(uri, table.astype({"m4": "float64"}).assign(m4=lambda t: t["m4"].where(t.index != 3)).head(30))


def test_a_model_logged_outside_any_run_gets_a_run_for_its_explanation(zoo: Zoo) -> None:
    from mlflow import MlflowClient

    uri = zoo.register("runless", _log(), run=False)
    client = MlflowClient(zoo.uri)
    assert not client.get_model_version("runless", "1").run_id
    first = zoo.explain(uri, TABLE, target="amount")
    run_id = client.get_model_version("runless", "1").tags["interp.run_id"]
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "explanation of runless v1"
    again = zoo.explain(uri, TABLE, target="amount")
    assert again.folder == first.folder  # the same run, not another one
    client.delete_run(run_id)
    third = zoo.explain(uri, TABLE, target="amount")
    assert third.folder != first.folder


def test_a_target_that_nothing_knows_is_refused_or_said(zoo: Zoo) -> None:
    uri = zoo.register("unknown-target", _log())
    features = TABLE.drop(columns="amount")
    with pytest.raises(UsageError, match=r"--target 'amuont': the given frame has no such column, .* mean 'amount'\?"):
        zoo.explain(uri, TABLE, target="amuont")
    named = zoo.explain(uri, features, target="cost")
    assert named.shap.output_names == ("cost",)
    assert "No table has the target 'cost' among its columns" in named.report
    in_background = zoo.explain(uri, features[:8], background=TABLE[8:60], target="amount")
    assert in_background.shap.output_names == ("amount",)
    said = zoo.explain(zoo.register("own-rows", _log(input_example=features[:40])), target="cost")
    assert said.shap.output_names == ("cost",)
    assert "No table has the target 'cost' among its columns" in said.report


@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")
def test_rows_may_lack_a_column_that_the_signature_lets_be_left_out(zoo: Zoo) -> None:
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.pyfunc import PythonModel
    from mlflow.types.schema import ColSpec, DataType, Schema

    class Served(PythonModel):  # by value, as from a notebook
        def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
            del context, params
            extra = model_input["extra"].to_numpy(float) if "extra" in model_input else 100.0
            return model_input["m0"].to_numpy() + extra

    specs = [ColSpec(DataType.double, name, required=name != "extra") for name in ("m0", "extra")]
    signature = ModelSignature(Schema(specs), Schema([ColSpec(DataType.double)]))

    def log(name: str) -> None:
        mlflow.pyfunc.log_model(
            name="model", python_model=Served(), signature=signature, registered_model_name=name, **REQUIRED
        )

    uri = zoo.register("optional", log)
    explained = zoo.explain(uri, TABLE[["m0"]])
    require_sound(explained, "shap_exact", ["m0"])
    assert explained.shap.predictions.min() > 50  # as MLflow serves rows without the column
    both = zoo.explain(uri, TABLE[["m0"]].assign(extra=TABLE["m1"]))
    require_sound(both, "shap_exact", ["m0", "extra"])
    with pytest.raises(UsageError, match=r"lacks column 'extra', which .* takes as optional"):
        zoo.explain(uri, TABLE[["m0"]].assign(extra=1.0), background=TABLE[["m0"]])


def test_the_command_and_the_project_explain_it_too(zoo: Zoo, tmp_path: Path) -> None:
    uri = zoo.register("commands", _log())
    TABLE.to_csv(tmp_path / "table.csv", index=False)
    TABLE.tail(50).to_csv(tmp_path / "background.csv", index=False)
    options = f"--data {tmp_path}/table.csv --target amount --rows 5 --methods shap"
    assert interp(f"explain {uri} {options} --background {tmp_path}/background.csv").require_done().startswith("runs:/")
    options = f"--model-uri {uri} --data {tmp_path}/table.csv --background '' --output auto --target amount"
    outcome = script("explain", f"{options} --rows 5 --methods shap", {"MLFLOW_TRACKING_URI": zoo.uri})
    assert f"Explained {uri}: runs:/" in outcome.stderr
