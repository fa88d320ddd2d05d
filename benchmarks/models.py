"""Models by name, each trained once per run of the program and kept in a folder between its processes."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.workload import N_FEATURES, make_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from benchmarks.workload import BenchModel, Data, Settings
    from interp_pipeline.explanation import FloatArray

__all__ = ["FORESTS", "fitted", "network", "task_data"]

FORESTS = {  # name: depth and whether it is a regression
    "depth 8": (8, False),
    "depth 12": (12, False),
    "full": (None, False),
    "regressor d12": (12, True),
}
_SEED = 42


def task_data(settings: Settings, n_features: int = N_FEATURES) -> Data:
    """The task of these settings."""
    return make_data(settings.training_rows, n_features)


def fitted(settings: Settings, name: str, **options: Any) -> Any:
    """A fitted tree ensemble: a forest by depth, or a library's boosted trees.

    Args:
        settings: how much data and how many trees.
        name: of ``FORESTS``, ``"forest"``, ``"gradient boosting"``, ``"histogram boosting"``,
            ``"xgboost"`` or ``"lightgbm"``.
        options: further parameters of the estimator; ``n_features`` and ``training_rows`` of the data.

    Raises:
        ImportError: an optional library is missing.
    """
    label = "-".join([name, *(f"{key}={value}" for key, value in sorted(options.items()))]).replace(" ", "_")
    kept = settings.folder / f"{label}.pickle"
    if kept.exists():
        return pickle.loads(kept.read_bytes())  # noqa: S301 - written by this program a moment ago
    data = make_data(options.pop("training_rows", settings.training_rows), options.pop("n_features", N_FEATURES))
    regression = name in FORESTS and FORESTS[name][1]
    estimator = _estimator(name, settings.n_trees, options)
    estimator.fit(data.train, data.target if regression else data.classes)
    if hasattr(estimator, "set_params") and "forest" in type(estimator).__name__.lower():
        estimator.set_params(n_jobs=1)  # trained on all cores, asked on one
    kept.write_bytes(pickle.dumps(estimator))
    return estimator


def _estimator(name: str, n_trees: int, options: dict[str, Any]) -> Any:
    from sklearn import ensemble

    if name in FORESTS:
        depth, regression = FORESTS[name]
        kind = ensemble.RandomForestRegressor if regression else ensemble.RandomForestClassifier
        return kind(n_trees, max_depth=depth, random_state=_SEED, n_jobs=-1)
    builders: dict[str, Callable[[], Any]] = {
        "forest": lambda: ensemble.RandomForestClassifier(
            **{"n_estimators": n_trees, "random_state": _SEED, "n_jobs": -1, **options}
        ),
        "gradient boosting": lambda: ensemble.GradientBoostingClassifier(
            n_estimators=n_trees, max_depth=6, subsample=0.3, random_state=_SEED
        ),
        "histogram boosting": lambda: ensemble.HistGradientBoostingClassifier(
            max_iter=n_trees, max_leaf_nodes=63, random_state=_SEED
        ),
        "xgboost": lambda: _xgboost(n_trees),
        "lightgbm": lambda: _lightgbm(n_trees),
    }
    return builders[name]()


def _xgboost(n_trees: int) -> Any:
    import xgboost

    return xgboost.XGBClassifier(n_estimators=n_trees, max_depth=8, n_jobs=1, random_state=_SEED)


def _lightgbm(n_trees: int) -> Any:
    import lightgbm

    return lightgbm.LGBMClassifier(n_estimators=n_trees, num_leaves=127, n_jobs=1, random_state=_SEED, verbose=-1)


def network(settings: Settings, n_features: int) -> tuple[Any, BenchModel]:
    """A Keras network n-64-64-1 and its compiled forward pass as an explainable model.

    Returns:
        The network, whose ``predict`` is its default door, and the model that asks it in one
        compiled call per batch.
    """
    import keras
    import tensorflow as tf

    from benchmarks.workload import BenchModel

    kept: Path = settings.folder / f"network-{n_features}.keras"
    data = task_data(settings, n_features)
    mean, std = data.train.mean(axis=0), data.train.std(axis=0)
    if kept.exists():
        net = keras.saving.load_model(kept)
    else:
        keras.utils.set_random_seed(_SEED)
        scale = keras.layers.Normalization(mean=mean, variance=std**2)
        layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")]
        net = keras.Sequential([keras.layers.Input((n_features,)), scale, *layers])
        net.compile("adam", "binary_crossentropy")
        net.fit(data.train, data.classes, epochs=3, batch_size=128, verbose=0)
        net.save(kept)
    signature = [tf.TensorSpec((None, n_features), tf.float32)]
    compiled = tf.function(lambda x: net(x, training=False), input_signature=signature)

    def forward(rows: FloatArray) -> FloatArray:
        answer = compiled(tf.constant(rows, dtype=tf.float32)).numpy()
        return np.asarray(answer, dtype=np.float64)

    return net, BenchModel(forward=forward, output_names=("yes",), n_features=n_features)
