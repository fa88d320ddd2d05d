"""Models of every library are explained behind all layers, with the numbers they give outside."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from harness.handover import require_same
from harness.hostile_models import question, rows
from harness.process import bare_environment
from harness.sandboxed import explain_in

from interp_pipeline.config import ExplainConfig
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.compute import compute
from mlflow_plugin.sandbox import Limits, Sandbox
from mlflow_plugin.sandbox.layers import ALWAYS, BY_KERNEL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

_ROOT = Path(__file__).parents[2]
_COSTS = frozenset({"timings_s", "peak_memory_mb", "seconds", "why", "choices"})  # what may differ between two runs


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(mode="required", limits=Limits(wall_s=120)) as running:
        yield running


def _table() -> pd.DataFrame:
    return rows(120)


def _target(table: pd.DataFrame) -> Any:
    return (table["a"] + table["b"] * table["c"] > 0).astype(int)


def _save(folder: Path, flavor: Any, model: Any, inputs: Any, outputs: Any, **options: Any) -> Path:
    import mlflow

    with warnings.catch_warnings(record=True, action="always"):  # MLflow on pickles and whole numbers
        signature = mlflow.models.infer_signature(inputs, outputs)
        flavor.save_model(model, str(folder), signature=signature, pip_requirements=["mlflow"], **options)
    return folder


def _forest(folder: Path) -> Path:
    import mlflow
    from sklearn.ensemble import RandomForestClassifier

    table = _table()
    model = RandomForestClassifier(20, n_jobs=2, random_state=0).fit(table, _target(table))  # predicts in threads
    trusted = ["sklearn.tree._tree.Tree"]
    return _save(folder, mlflow.sklearn, model, table, _target(table), skops_trusted_types=trusted)


def _histogram(folder: Path) -> Path:
    import mlflow
    from sklearn.ensemble import HistGradientBoostingClassifier

    table = _table()
    model = HistGradientBoostingClassifier(max_iter=20).fit(table, _target(table))  # predicts with OpenMP
    return _save(folder, mlflow.sklearn, model, table, _target(table), serialization_format="cloudpickle")


def _xgboost(folder: Path) -> Path:
    import mlflow
    import xgboost

    table = _table()
    model = xgboost.XGBClassifier(n_estimators=20).fit(table, _target(table))
    return _save(folder, mlflow.xgboost, model, table, _target(table))


def _lightgbm(folder: Path) -> Path:
    import lightgbm
    import mlflow

    table = _table()
    model = lightgbm.LGBMClassifier(n_estimators=20, verbose=-1).fit(table, _target(table))
    return _save(folder, mlflow.lightgbm, model, table, _target(table))


def _network(folder: Path) -> Path:
    import keras
    import mlflow

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((3,)), keras.layers.Dense(16, activation="relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])
    inputs = _table().to_numpy()
    return _save(folder, mlflow.keras, model, inputs, model.predict(inputs, verbose=0))


@pytest.mark.parametrize(
    ("make", "library", "method"),
    [
        (_forest, "sklearn", "shap_tree"),
        (_histogram, "sklearn", "shap_tree"),
        (_xgboost, "unheard_of", "shap_tree"),  # what the fork server does not load, a child imports itself
        (_lightgbm, "lightgbm", "shap_tree"),
        (_network, "keras", "shap_exact"),
    ],
)
def test_a_model_is_explained_as_it_would_be_outside(
    make: Callable[[Path], Path],
    library: str,
    method: str,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # as every command of ours sets it
    assert sandbox.layers == dict.fromkeys((*ALWAYS, *BY_KERNEL), True)
    model = make(tmp_path / "model")
    first, second = (explain_in(sandbox, model, _table(), libraries=[library]) for _ in range(2))
    assert first.shap is not None
    assert first.shap.method == method
    require_same(second, first, but=_COSTS)
    outside = compute(question(model, _table()), ExplainConfig(), SilentProgress())
    assert outside.shap is not None
    np.testing.assert_allclose(first.shap.values, outside.shap.values, rtol=0, atol=1e-6 if library == "keras" else 0)


_WITHOUT_RIGHTS = """
import sys
from pathlib import Path
from mlflow_plugin.sandbox.kernel import drop_capabilities
drop_capabilities()
from harness.sandboxed import explain_in
from harness.hostile_models import rows
from mlflow_plugin.sandbox import Sandbox
with Sandbox(mode="required") as sandbox:
    assert all(sandbox.layers.values()), sandbox.layers
    print(explain_in(sandbox, Path(sys.argv[1]), rows(120)).shap.method)
"""


def test_no_special_right_is_needed(tmp_path: Path) -> None:
    """Whoever runs this: the same by a worker without a single capability."""
    paths = os.pathsep.join([str(_ROOT), str(_ROOT / "tests")])
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_RIGHTS, str(_forest(tmp_path / "model"))],
        env=bare_environment({"PYTHONPATH": paths}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "shap_tree", done.stderr
