"""Networks that others registered: cut where their features meet, against the same network asked as a whole."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.cases.tree_sides import ADDITIVITY, Attribution, our_threads
from benchmarks.measuring.contest import Contest, Side
from interp_pipeline.config import ExplainConfig
from interp_pipeline.explainers.kernels.threads import set_threads
from interp_pipeline.explainers.registry import load_explainer
from interp_pipeline.models.adapt import adapt_model
from interp_pipeline.training.keras_mlp import import_keras

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.measuring.records import Record
    from benchmarks.workload import Settings
    from interp_pipeline.explanation import Explanation

__all__ = ["cut_and_whole"]

_ROUNDS = 2  # of sampled orders: what is compared is the cost of an evaluation
_BACKGROUND = 100
_FEW = 5  # rows of which the values are compared
_MOST_ERRORS = 1.5  # that they differ by, as a root mean square; 1 where nothing but sampling tells them apart
_ROWS = 200
_NAMES = 20  # of a column of texts


def cut_and_whole(settings: Settings, n_numbers: int, n_texts: int, n_outputs: int) -> Iterator[Record]:
    """SHAP values of a network 64-64 behind Keras' own preprocessing, of one output or of classes."""
    table = _table(n_numbers, n_texts)
    rows, background = table[:_ROWS], table[_ROWS:]
    network = _network(table, n_texts, n_outputs)
    cut, whole = (_adapted(network, rows, background, cutting=cutting) for cutting in (True, False))
    if cut.first_layer is None:
        msg = "the network was not cut"
        raise AssertionError(msg)
    _require_same_values(cut, whole, rows[:_FEW], background)
    outputs = whole.forward(whole.to_matrix(rows))[:, -1]

    def explain(model: Any, threads: int, n_rows: int) -> Attribution:
        set_threads(threads)
        found = _explained(model, rows[:n_rows], background)
        return Attribution(found.values[:, :, -1], found.base_values[:, -1])

    def error(answer: Attribution) -> float:
        return float(np.abs(answer.values.sum(axis=1) + answer.base - outputs[: len(answer.values)]).max())

    side = partial(Side, error=error, max_rows=_ROWS)
    yield from Contest(
        case=f"network of others, {n_numbers} numbers, {n_texts} texts, {n_outputs} outputs",
        error_is=ADDITIVITY,
        ours=[side(name=f"cut {n}", explain=partial(explain, cut, n), threads=n) for n in our_threads(settings)],
        peers=[side(name="asked as a whole", explain=partial(explain, whole, 1))],
        repeats=settings.repeats,
        budget_s=settings.budget_s,
        remark=f"{cut.first_layer.weights.shape[0]}-64-64-{n_outputs}, {_BACKGROUND} background rows, {_ROUNDS} rounds",
    ).run()


def _explained(model: Any, rows: pd.DataFrame, background: pd.DataFrame) -> Explanation:
    config = ExplainConfig(sampling_rounds=_ROUNDS)
    return load_explainer("shap_permutation").explain(model, rows, background, config, lambda _rows: None)


def _require_same_values(cut: Any, whole: Any, rows: pd.DataFrame, background: pd.DataFrame) -> None:
    """Both sample the same values in other orders, which come from the encoded rows: they differ by their errors."""
    one, other = (_explained(model, rows, background) for model in (cut, whole))
    if one.std_errors is None or other.std_errors is None:
        msg = "sampled values come with standard errors"
        raise AssertionError(msg)
    errors = np.hypot(one.std_errors, other.std_errors)
    apart = float(np.sqrt(np.mean((one.values - other.values) ** 2) / np.mean(errors**2)))
    if apart > _MOST_ERRORS:
        msg = f"the values of the cut network are {apart:.2g} standard errors from those of the whole one"
        raise AssertionError(msg)


def _table(n_numbers: int, n_texts: int) -> pd.DataFrame:
    random = np.random.default_rng(0)
    numbers = {f"number{i}": random.normal(5.0, 2.0, _ROWS + _BACKGROUND) for i in range(n_numbers)}
    names = np.array([f"name {i}" for i in range(_NAMES)], dtype=object)
    texts = {f"text{i}": random.choice(names, _ROWS + _BACKGROUND) for i in range(n_texts)}
    return pd.DataFrame({**numbers, **texts})


def _network(table: pd.DataFrame, n_texts: int, n_outputs: int) -> Any:
    """An untrained network: what a masked row costs does not depend on its weights."""
    keras = import_keras()
    layers = keras.layers
    keras.utils.set_random_seed(0)
    n_numbers = table.shape[1] - n_texts
    numbers = keras.Input((n_numbers,), name="numbers")
    inputs, parts = [numbers], [layers.Normalization(mean=5.0, variance=4.0)(numbers)]
    for name in table.columns[n_numbers:]:
        inputs.append(keras.Input((1,), name=name, dtype="string"))
        lookup = layers.StringLookup(vocabulary=sorted(table[name].unique()), output_mode="one_hot")
        parts.append(lookup(inputs[-1]))
    hidden = layers.Concatenate()(parts) if n_texts else parts[0]
    for _ in range(2):
        hidden = layers.Dense(64, "relu")(hidden)
    last = layers.Dense(n_outputs, "sigmoid" if n_outputs == 1 else "softmax")
    return keras.Model(inputs if n_texts else numbers, last(hidden))


def _adapted(network: Any, rows: pd.DataFrame, background: pd.DataFrame, *, cutting: bool) -> Any:
    adapt = partial(
        adapt_model, network, flavor="keras", feature_names=list(rows.columns), rows=rows, background=background
    )
    if cutting:
        return adapt()
    with mock.patch("interp_pipeline.models.keras_model.find_cut", return_value="it is to be compared"):
        return adapt()
