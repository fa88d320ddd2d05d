"""Versions that cannot be explained: unknown, deleted, gone, damaged, or not ours."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import mlflow
import numpy as np
import pytest
from harness.command_line import interp, interp_process, script
from harness.loan_store import replaced
from harness.process import bare_environment
from harness.s3 import program

import interp_pipeline
from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.loan_store import LoanStore

REFERENCES = [
    ("no URI", "loans", 2, "'loans' is not a model URI: write models:/<name>/<version>"),
    ("no version", "models:/loans", 2, "'models:/loans' is not a model URI"),
    ("a run's URI", "runs:/abc/model", 2, "'runs:/abc/model' is not a model URI"),
    ("a stage", "models:/loans/Production", 2, "for an alias write models:/loans@Production"),
    ("version zero", "models:/loans/0", 2, "version '0' is not a number"),
    ("unknown model", "models:/cars/1", 2, "no registered model 'cars' at sqlite:///"),
    ("misspelt model", "models:/loan/1", 2, "did you mean 'loans'?"),
    ("latest of none", "models:/cars/latest", 2, "no registered model 'cars'"),
    ("alias of none", "models:/cars@champion", 2, "no registered model 'cars'"),
    ("unknown version", "models:/loans/99", 2, "'loans' has no version 99; versions: 1, 2"),
    ("unknown alias", "models:/loans@champion", 2, "'loans' has no alias 'champion'; aliases: none"),
]


@pytest.mark.parametrize(("uri", "code", "fragment"), [case[1:] for case in REFERENCES], ids=[c[0] for c in REFERENCES])
@pytest.mark.parametrize("command", ["explain", "compare models:/loans/1"])
def test_references_to_nothing(loan_store: LoanStore, command: str, uri: str, code: int, fragment: str) -> None:
    with loan_store.unharmed():
        interp(f"{command} {uri}").require_error(code, fragment)


def test_an_unknown_alias_names_those_that_exist(loan_store: LoanStore) -> None:
    loan_store.client.set_registered_model_alias("loans", "challenger", "1")
    interp("explain models:/loans@champion").require_error(2, "aliases: challenger")
    loan_store.client.delete_registered_model_alias("loans", "challenger")


def test_a_method_that_cannot_explain_this_model_is_a_wrong_call(loan_store: LoanStore) -> None:
    with loan_store.unharmed():
        interp("explain models:/loans/1 --rows 4 --methods shap_linear").require_error(
            2, "shap_linear cannot explain this model: ", "; use shap_tree"
        )


LOST_FROM_THE_RUN = [
    ("background gone", "training/background.parquet", None, "lacks training/background.parquet; restore"),
    ("all training files gone", "training", None, "lacks training/schema.json, training/background.parquet, training/"),
    ("background cut off", "training/background.parquet", b"PAR1", "training/background.parquet in its run is damaged"),
    ("schema cut off", "training/schema.json", b"{", "training/schema.json in its run is damaged"),
    ("schema of another kind", "training/schema.json", b"{}", "training/schema.json in its run is damaged"),
]
LOST_FROM_THE_MODEL = [
    ("no file left", ".", None, "were deleted; train the model again"),
    ("no MLmodel file", "MLmodel", None, "were deleted; train the model again"),
    ("MLmodel cut off", "MLmodel", b"{{", "its MLmodel file is damaged"),
    ("empty MLmodel", "MLmodel", b"", "its MLmodel file is damaged"),
    ("no code", "served_model.py", None, "models:/loans/1 cannot be loaded"),
    (
        "forest cut off",
        "artifacts/estimator/model.skops",
        b"PK",
        "cannot be loaded (BadZipFile: File is not a zip",
    ),
]


@pytest.mark.parametrize(
    ("path", "content", "fragment"), [c[1:] for c in LOST_FROM_THE_RUN], ids=[c[0] for c in LOST_FROM_THE_RUN]
)
def test_training_files_that_were_lost(loan_store: LoanStore, path: str, content: bytes | None, fragment: str) -> None:
    with loan_store.unharmed(), replaced(loan_store.artifacts("models:/loans/1") / path, content):
        interp("explain models:/loans/1 --rows 4").require_error(1, "models:/loans/1: ", fragment)


@pytest.mark.parametrize(
    ("path", "content", "fragment"), [c[1:] for c in LOST_FROM_THE_MODEL], ids=[c[0] for c in LOST_FROM_THE_MODEL]
)
def test_model_files_that_were_lost(loan_store: LoanStore, path: str, content: bytes | None, fragment: str) -> None:
    files = (loan_store.model_files("models:/loans/1") / path).resolve()
    with loan_store.unharmed(), replaced(files, content):
        interp("explain models:/loans/1 --rows 4").require_error(1, "models:/loans/1", fragment)


def test_a_deleted_run_is_named_with_the_command_that_restores_it(loan_store: LoanStore) -> None:
    run_id = loan_store.run_id("models:/loans/1")
    loan_store.client.delete_run(run_id)
    try:
        for command in ("explain models:/loans/1", "compare models:/loans/1 models:/loans/2"):
            interp(command).require_error(1, f"its run was deleted; restore it (mlflow runs restore --run-id {run_id})")
    finally:
        loan_store.client.restore_run(run_id)


def test_a_run_and_a_model_that_are_gone_for_good(loan_store: LoanStore) -> None:
    uris = [loan_store.train("gone"), loan_store.train("gone")]
    run_id, model_id = loan_store.run_id(uris[0]), loan_store.model_files(uris[1]).parent.name
    loan_store.client.delete_run(run_id)
    loan_store.client.delete_logged_model(model_id)
    collect = [program("mlflow"), "gc", "--backend-store-uri", loan_store.uri, "--run-ids", run_id]
    subprocess.run(
        collect, env=bare_environment({"MLFLOW_TRACKING_URI": loan_store.uri}), check=True, capture_output=True
    )
    with loan_store.unharmed():
        interp(f"explain {uris[0]}").require_error(1, f"its run {run_id} no longer exists")
        interp(f"explain {uris[1]}").require_error(1, f"its model files (models:/{model_id}) were deleted")


@pytest.mark.filterwarnings("ignore:.*pickle:UserWarning")
def test_a_model_that_someone_else_registered(loan_store: LoanStore, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    with mlflow.start_run():
        mlflow.sklearn.log_model(model, name="model", registered_model_name="foreign")
    mlflow.sklearn.save_model(model, str(tmp_path / "saved"))
    mlflow.register_model(f"file://{tmp_path}/saved", "runless")
    table = tmp_path / "table.csv"
    table.write_text("a,b,c,d,e\n" + "1,0,0,1,2\n" * 30)
    with loan_store.unharmed():
        for name in ("foreign", "runless"):
            says = f"models:/{name}/1 has no rows to explain: give data=... in Python, --data FILE"
            interp(f"explain models:/{name}/1").require_error(1, says, "no input example")
        says = "models:/foreign/1 does not name its 4 columns, and the data of models:/loans/1 has 3"
        interp("compare models:/loans/1 models:/foreign/1").require_error(2, says)
        says = "one of them may be the target: name it with --target"
        interp(f"explain models:/foreign/1 --data {table}").require_error(2, says)


DAMAGE = [
    ("file altered", "shap_values.parquet", b"other", "shap_values.parquet is not what was published"),
    ("file gone", "lime_weights.parquet", None, "lime_weights.parquet is missing"),
    ("manifest cut off", "manifest.json", b'{"format": 3,', "the manifest of models:/loans/1 is damaged"),
    ("manifest without files", "manifest.json", b'{"format": 3}', "the manifest of models:/loans/1 is damaged"),
]


@pytest.mark.parametrize(("path", "content", "fragment"), [c[1:] for c in DAMAGE], ids=[c[0] for c in DAMAGE])
def test_a_published_explanation_that_was_damaged(
    loan_store: LoanStore, path: str, content: bytes | None, fragment: str
) -> None:
    folder = loan_store.artifacts("models:/loans/1") / "explanations/model"
    if not (folder / "manifest.json").exists():
        interp("explain models:/loans/1 models:/loans/2 --rows 4").require_done()
    with loan_store.unharmed(), replaced(folder / path, content):
        interp("compare models:/loans/1 models:/loans/2").require_error(1, fragment, "interp explain models:/loans/1")
        with pytest.raises(ModelError, match=fragment):
            interp_pipeline.load("models:/loans/1")


def test_an_explanation_of_another_release_is_not_read(loan_store: LoanStore) -> None:
    folder = loan_store.artifacts("models:/loans/2") / "explanations/model"
    if not (folder / "manifest.json").exists():
        interp("explain models:/loans/1 models:/loans/2 --rows 4").require_done()
    with loan_store.unharmed(), replaced(folder / "manifest.json", b'{"format": 99}'):
        interp("compare models:/loans/2 models:/loans/1").require_error(2, "explained by a release with another layout")


def test_the_command_and_the_script_end_with_one_line(loan_store: LoanStore) -> None:
    environment = {"MLFLOW_TRACKING_URI": loan_store.uri}
    outcome = interp_process("explain models:/cars/1", environment)
    assert outcome.require_error(2, "no registered model 'cars'") == outcome.stderr.strip()
    options = "--model-uri models:/loans/99 --data '' --rows 5 --methods auto"
    outcome = script("explain", options, environment)
    assert outcome.require_error(2, "'loans' has no version 99") == outcome.stderr.strip()
