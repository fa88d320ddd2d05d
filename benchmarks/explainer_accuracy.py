"""How far are SHAP explainers from exact values on a Keras network, and at what cost?

Trains a small network on the first 10 features of scikit-learn's breast cancer data, enumerates all
coalitions of the features for the reference, and prints one line per explainer: the mean and the
largest error as a share of the mean absolute value, how far values are from adding up, time and
model evaluations per row. Everything runs in this process, on the same rows and background, with
the same compiled forward pass.

    python benchmarks/explainer_accuracy.py
"""

from __future__ import annotations

import os
import platform
import time
import warnings
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.registry import load_explainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from interp_pipeline.explanation import FloatArray

N_FEATURES, N_BACKGROUND, N_ROWS = 10, 100, 20
ROUNDS = (2, 5, 10, 20, 50)


class Network:
    """A trained Keras network as an explainable model that counts what it is asked."""

    feature_names: tuple[str, ...] = tuple(f"f{i}" for i in range(N_FEATURES))
    output_names: tuple[str, ...] = ("malignant", "benign")
    output_unit: str = "probability"
    positive_class: str | None = "benign"
    column_groups: tuple[tuple[int, ...], ...] = tuple((i,) for i in range(N_FEATURES))
    trees: Any | None = None

    def __init__(self, features: FloatArray, target: FloatArray) -> None:
        """Train, always the same way."""
        self.categories: Mapping[str, tuple[str, ...]] = {}
        import keras
        import tensorflow as tf

        keras.utils.set_random_seed(42)
        tf.config.experimental.enable_op_determinism()
        layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")]
        self.keras = keras.Sequential([keras.layers.Input((N_FEATURES,)), *layers])
        self.keras.compile("adam", "binary_crossentropy")
        self.keras.fit(features, target, epochs=10, batch_size=32, verbose=0)
        signature = [tf.TensorSpec((None, N_FEATURES), tf.float32)]
        self._compiled = tf.function(lambda x: self.keras(x, training=False), input_signature=signature)
        self._constant: Callable[[FloatArray], Any] = partial(tf.constant, dtype=tf.float32)
        self.asked = 0

    def benign(self, encoded: FloatArray) -> FloatArray:
        """Probability of the second class, shape (n_rows,)."""
        self.asked += len(encoded)
        return np.asarray(self._compiled(self._constant(encoded)).numpy()[:, 0], dtype=np.float64)

    def forward(self, encoded: FloatArray) -> FloatArray:
        """Probabilities of both classes."""
        benign = self.benign(encoded)
        return np.column_stack([1 - benign, benign])

    def to_matrix(self, rows: pd.DataFrame) -> FloatArray:
        """The columns are numbers already."""
        return rows.to_numpy(dtype=np.float64)

    def encode(self, matrix: FloatArray) -> FloatArray:
        """Scaled before training."""
        return matrix


@dataclass(frozen=True)
class Work:
    """The same work for everybody."""

    model: Network
    rows: FloatArray
    background: FloatArray

    def ours(self, name: str, rounds: int = 10) -> FloatArray:
        """Values of one of this library's explainers for the positive class."""
        rows, background = (pd.DataFrame(x, columns=list(Network.feature_names)) for x in (self.rows, self.background))
        config = ExplainConfig(sampling_rounds=rounds)
        explanation = load_explainer(name).explain(self.model, rows, background, config, lambda _rows: None)
        return np.asarray(explanation.values[:, :, 1], dtype=np.float64)

    def masker(self) -> Any:
        """The whole background for shap's explainers."""
        import shap

        return shap.maskers.Independent(self.background, max_samples=len(self.background))

    def permutation_explainer(self, walks: int) -> FloatArray:
        """Values of shap's sampler after so many walks forward and back."""
        import shap

        explainer = shap.PermutationExplainer(self.model.benign, self.masker(), seed=0)
        return np.asarray(explainer(self.rows, max_evals=walks * (2 * N_FEATURES + 1), silent=True).values)

    def kernel_explainer(self, coalitions: int) -> FloatArray:
        """Values of shap's weighted regression on so many coalitions."""
        import shap

        np.random.seed(0)  # noqa: NPY002 - shap draws from numpy's global generator
        explainer = shap.KernelExplainer(self.model.benign, self.background)
        return np.asarray(explainer.shap_values(self.rows, nsamples=coalitions, silent=True))


def methods(work: Work) -> Iterator[tuple[str, Callable[[], FloatArray]]]:
    """Explainers by the name they are shown under."""
    import shap

    network, rows = work.model.keras, work.rows.astype(np.float32)
    background = work.background.astype(np.float32)
    yield "shap_exact (reference)", partial(work.ours, "shap_exact")
    for rounds in ROUNDS:
        yield f"shap_permutation, {rounds} rounds", partial(work.ours, "shap_permutation", rounds)
    yield "shap Exact", lambda: shap.ExactExplainer(work.model.benign, work.masker())(work.rows, silent=True).values
    for walks in (2, 10, 40):
        yield f"shap Permutation, {walks} walks", partial(work.permutation_explainer, walks)
    for coalitions in (40, 180, 2**N_FEATURES):
        yield f"shap Kernel, {coalitions} coalitions", partial(work.kernel_explainer, coalitions)
    yield "shap Gradient", lambda: shap.GradientExplainer(network, background).shap_values(rows, rseed=0)
    deep = partial(shap.DeepExplainer, network, background)
    yield "shap Deep", lambda: deep().shap_values(rows, check_additivity=False)


def prepare() -> Work:
    """Load, scale, train."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    features, target = load_breast_cancer(return_X_y=True)
    features = features[:, :N_FEATURES]
    train, test, train_target, _ = train_test_split(features, target, test_size=0.2, stratify=target, random_state=42)
    mean, std = train.mean(axis=0), train.std(axis=0)
    model = Network((train - mean) / std, train_target)
    work = Work(model, (test[:N_ROWS] - mean) / std, (train[:N_BACKGROUND] - mean) / std)
    model.benign(work.rows)  # compiled here and not on the first explainer's time
    return work


def main() -> None:
    """Measure and print the table."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore", category=UserWarning)  # shap's explainers for networks warn on every call
    work = prepare()
    libraries = " ".join(f"{name} {version(name)}" for name in ("shap", "keras", "tensorflow-cpu", "numpy"))
    print(f"Python {platform.python_version()} {libraries}; {os.cpu_count()} cores")
    print(f"{N_ROWS} rows, {N_BACKGROUND} background rows, {N_FEATURES} features, Dense 64-64-1")
    print(f"{'explainer':36}{'mean error':>11}{'max error':>11}{'additivity':>12}{'s/row':>9}{'evaluations/row':>17}")
    reference = scale = None
    gap = work.model.benign(work.rows) - work.model.benign(work.background).mean()
    for name, explain in methods(work):
        work.model.asked, started = 0, time.perf_counter()
        try:
            values = np.asarray(explain(), dtype=np.float64).reshape(N_ROWS, N_FEATURES)
        except Exception as failure:  # noqa: BLE001 - that an explainer fails is a result of this comparison
            print(f"{name:36}fails: {type(failure).__name__}: {str(failure).splitlines()[0][:90]}")
            continue
        seconds = (time.perf_counter() - started) / N_ROWS
        if reference is None:
            reference, scale = values, np.abs(values).mean()
        error = np.abs(values - reference) / scale
        additivity = np.abs(values.sum(axis=1) - gap).max()
        asked = f"{work.model.asked / N_ROWS:,.0f}" if work.model.asked else "(gradients)"
        print(f"{name:36}{error.mean():>11.2%}{error.max():>11.1%}{additivity:>12.1e}{seconds:>9.4f}{asked:>17}")
    print(f"mean |value| of the reference: {scale:.4f}")


if __name__ == "__main__":
    main()
