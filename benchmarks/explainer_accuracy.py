"""How far from the Shapley values are estimators that may ask a model equally often?

Three models: a Keras network (30 features), an SVM (30 features), a formula full of interactions
(16 features). For each, and for three numbers of model evaluations per explained row, one line per
estimator: ours, plain ones that differ from it in one respect, shap's and shapiq's. Errors are shares
of the mean absolute value. shapiq runs under an interpreter of its own (see ``cases/shapiq_peer``).

    python benchmarks/explainer_accuracy.py [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import warnings
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])  # so that this folder is found as the package it is

from benchmarks.cases.shapiq_peer import find_python
from benchmarks.estimator_games import answer
from benchmarks.measuring.machine import describe_machine
from benchmarks.reference import exact_values
from benchmarks.workload import BenchModel, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interp_pipeline.explanation import FloatArray

ROUNDS = (2, 4, 8)  # of our sampler; everybody else may ask as often
_CHILD = Path(__file__).parent / "cases" / "shapiq_estimators.py"
_ENUMERATED = 16  # most features whose values are computed exactly


@dataclass(frozen=True, kw_only=True)
class Line:
    """How one estimator did."""

    model: str
    estimator: str
    evaluations: int  # per explained row
    mean_error: float  # as a share of the mean absolute value
    largest_error: float  # likewise
    remark: str = ""


@dataclass(frozen=True)
class Game:
    """A model, rows to explain, and a background."""

    name: str
    arrays: dict[str, FloatArray]
    rows: FloatArray
    background: FloatArray
    reference_orders: int

    def forward(self, rows: FloatArray) -> FloatArray:
        """Outputs, shape (n_rows,)."""
        return answer(self.name, self.arrays, rows)

    @cached_property
    def model(self) -> BenchModel:
        """As our explainers see it."""
        return BenchModel(
            forward=lambda rows: self.forward(rows)[:, np.newaxis],
            output_names=("score",),
            output_unit="score",
            n_features=self.rows.shape[1],
        )

    @cached_property
    def truth(self) -> FloatArray:
        """Shapley values: by the formula, or by so many orders that what is left of the error does not count."""
        if self.rows.shape[1] <= _ENUMERATED:
            return exact_values(self.model.forward, self.rows, self.background)
        return orders_of_their_own(self, self.reference_orders, seed=20_240_607)

    def evaluations(self, rounds: int) -> int:
        """Evaluations per row of that many of our rounds."""
        return int(4 * rounds * (self.rows.shape[1] - 1) * len(self.background))

    def errors(self, values: FloatArray) -> tuple[float, float]:
        """Mean and largest error."""
        error = np.abs(values - self.truth) / np.abs(self.truth).mean()
        return float(error.mean()), float(error.max())


def ours(game: Game, evaluations: int) -> FloatArray:
    """This library's sampler."""
    rounds = evaluations // game.evaluations(1)
    options: dict[str, Any] = {"sampling_rounds": rounds, "seed": 0}
    return explain("shap_permutation", game.model, game.rows, game.background, **options).values[:, :, 0]


def orders_of_their_own(game: Game, pairs: int, seed: int = 0, *, reverse: bool = True) -> FloatArray:
    """Random orders, drawn for each background row, with or without their reverses; ``pairs`` of walks."""
    random, n_background, n = np.random.default_rng(seed), *game.background.shape
    values = np.zeros(game.rows.shape)
    lines = np.arange(n_background)
    for i, row in enumerate(game.rows):
        for _ in range(pairs):
            first, second = random.permuted(np.tile(np.arange(n), (2, n_background, 1)), axis=2)
            for order in (first, first[:, ::-1] if reverse else second):
                masked = np.repeat(game.background[np.newaxis], n + 1, axis=0)
                for step in range(n):
                    masked[step + 1 :, lines, order[:, step]] = row[order[:, step]]
                gains = np.diff(game.forward(masked.reshape(-1, n)).reshape(n + 1, n_background), axis=0)
                np.add.at(values[i], order.T, gains)
    return np.asarray(values / (2 * pairs * n_background), dtype=np.float64)


def regression(game: Game, evaluations: int) -> FloatArray:
    """KernelSHAP with complements, every coalition with a background row of its own."""
    random, n_background, n = np.random.default_rng(0), *game.background.shape
    n_pairs, fills = evaluations // 2, game.forward(game.background)
    sizes = np.arange(1, n)
    weight = 1 / (sizes * (n - sizes))
    values = np.empty(game.rows.shape)
    for i, row in enumerate(game.rows):
        size = random.choice(sizes, n_pairs, p=weight / weight.sum())
        place = random.permuted(np.tile(np.arange(n), (n_pairs, 1)), axis=1)
        members = place < size[:, np.newaxis]
        fill = game.background[np.arange(n_pairs) % n_background]
        odd = (game.forward(np.where(members, row, fill)) - game.forward(np.where(members, fill, row))) / 2
        signs = members - 0.5
        inverse = np.linalg.pinv(signs.T @ signs)
        free, whole = inverse @ (signs.T @ odd), game.forward(row[np.newaxis])[0] - fills.mean()
        values[i] = free + inverse.sum(axis=1) * (whole - free.sum()) / inverse.sum()
    return values


def shap_permutation(game: Game, evaluations: int) -> FloatArray:
    """The sampler of shap: each order shared by the whole background."""
    import shap

    n = game.rows.shape[1]
    masker = shap.maskers.Independent(game.background, max_samples=len(game.background))
    walks = max(1, round(evaluations / (len(game.background) * 2 * n)))
    found = shap.PermutationExplainer(game.forward, masker, seed=0)(
        game.rows, max_evals=walks * (2 * n + 1), silent=True
    )
    return np.asarray(found.values)


def shap_kernel(game: Game, evaluations: int) -> FloatArray:
    """The weighted regression of shap."""
    import shap

    np.random.seed(0)  # noqa: NPY002 - shap draws from numpy's global generator
    explainer = shap.KernelExplainer(game.forward, game.background)
    coalitions = evaluations // len(game.background)
    return np.asarray(explainer.shap_values(game.rows, nsamples=coalitions, silent=True, l1_reg=False))


ESTIMATORS: dict[str, Callable[[Game, int], FloatArray]] = {
    "ours: orders, half rotations, reverses": ours,
    "orders and reverses": lambda game, n: orders_of_their_own(game, 2 * n // game.evaluations(1)),
    "orders alone": lambda game, n: orders_of_their_own(game, 2 * n // game.evaluations(1), reverse=False),
    "paired regression": regression,
    "shap Permutation": shap_permutation,
    "shap Kernel": shap_kernel,
}


def network_game(n_rows: int, orders: int) -> Game:
    """A Keras network on scikit-learn's breast cancer data."""
    import keras

    features, target = _breast_cancer()
    keras.utils.set_random_seed(42)
    layers = [keras.layers.Dense(64, "relu"), keras.layers.Dense(64, "relu"), keras.layers.Dense(1, "sigmoid")]
    network = keras.Sequential([keras.layers.Input((30,)), *layers])
    network.compile("adam", "binary_crossentropy")
    network.fit(features[:450], target[:450], epochs=10, batch_size=32, verbose=0)
    weights = [np.asarray(weight, dtype=np.float64) for weight in network.get_weights()]
    arrays = dict(zip(("w0", "b0", "w1", "b1", "w2", "b2"), weights, strict=True))
    return Game("network", arrays, features[450 : 450 + n_rows], features[:100], orders)


def kernel_machine_game(n_rows: int, orders: int) -> Game:
    """An SVM on the same data."""
    from sklearn.svm import SVC

    features, target = _breast_cancer()
    fitted = SVC(C=10, gamma=0.03).fit(features[:450], target[:450])
    arrays = {
        "supports": fitted.support_vectors_,
        "weights": fitted.dual_coef_[0],
        "offset": fitted.intercept_[0],
        "gamma": np.array(0.03),
    }
    return Game("kernel machine", arrays, features[450 : 450 + n_rows], features[:100], orders)


def interactions_game(n_rows: int, orders: int) -> Game:
    """A formula; its values are known exactly."""
    numbers = np.random.default_rng(0).normal(size=(50 + n_rows, 16))
    return Game("interactions", {}, numbers[50:], numbers[:50], orders)


def _breast_cancer() -> tuple[FloatArray, FloatArray]:
    from sklearn.datasets import load_breast_cancer

    features, target = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(features))
    return ((features - features.mean(axis=0)) / features.std(axis=0))[order], target[order]


def lines(game: Game) -> Iterator[Line]:
    """Every estimator at every budget."""
    for name, estimate in ESTIMATORS.items():
        for rounds in ROUNDS:
            evaluations = game.evaluations(rounds)
            mean, largest = game.errors(estimate(game, evaluations))
            yield Line(model=game.name, estimator=name, evaluations=evaluations, mean_error=mean, largest_error=largest)
    yield from shapiq_lines(game)


def shapiq_lines(game: Game) -> Iterator[Line]:
    """The estimators of shapiq, or why there are none."""
    nothing = partial(Line, model=game.name, evaluations=0, mean_error=np.nan, largest_error=np.nan)
    python, reason = find_python()
    if python is None:
        yield nothing(estimator="shapiq", remark=reason)
        return
    budgets = [game.evaluations(rounds) // len(game.background) for rounds in ROUNDS]
    with tempfile.TemporaryDirectory() as folder:
        stored: dict[str, Any] = {**game.arrays, "rows": game.rows, "background": game.background}
        np.savez(Path(folder, "game.npz"), name=game.name, budgets=budgets, **stored)
        done = subprocess.run(  # noqa: S603 - our own script
            [str(python), str(_CHILD), folder], capture_output=True, text=True, check=False
        )
        if done.returncode:
            yield nothing(estimator="shapiq", remark=(done.stderr.splitlines() or ["no message"])[-1])
            return
        said = json.loads(done.stdout.splitlines()[-1])
        with np.load(Path(folder, "shapiq.npz")) as found:
            for label, values in found.items():
                name, _, budget = label.partition("|")
                mean, largest = game.errors(values)
                yield Line(
                    model=game.name,
                    estimator=f"shapiq {said['version']} {name}",
                    evaluations=int(budget) * len(game.background),
                    mean_error=mean,
                    largest_error=largest,
                )
    for label, why in said["reasons"].items():
        yield nothing(estimator=f"shapiq {label.replace('|', ' with ')} coalitions", remark=why)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rows: a minute instead of ten")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a record per line")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.filterwarnings("ignore")  # shap's explainers warn on every call
    print(describe_machine())
    print(" ".join(f"{name} {version(name)}" for name in ("shap", "keras", "scikit-learn", "numpy")))
    n_rows, orders = (3, 200) if options.quick else (12, 1000)
    records: list[Line] = []
    for make in (network_game, kernel_machine_game, interactions_game):
        game = make(n_rows, orders)
        scale = np.abs(game.truth).mean()
        print(f"\n{game.name}: {n_rows} rows, {len(game.background)} background rows, mean |value| {scale:.4f}")
        print(f"{'estimator':42}{'evaluations/row':>16}{'mean error':>12}{'largest':>10}")
        for line in lines(game):
            records.append(line)
            if line.remark:
                print(f"{line.estimator:42}{line.remark}")
            else:
                print(f"{line.estimator:42}{line.evaluations:>16,}{line.mean_error:>12.2%}{line.largest_error:>10.1%}")
    if options.json:
        options.json.write_text(json.dumps([asdict(line) for line in records], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
