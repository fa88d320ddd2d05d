"""What makes LIME's simple models of single rows follow a model more closely, and what only steadies their weights?

The Keras network of ``interp train german_credit --kind keras`` and its forest: for kernel widths, numbers of perturbed
rows and of features in a row's model, one line each, over 60 test rows: the R² of these models, the share of rows below
0.3, and by how much weights differ between two seeds, as a share of their mean size.

    python benchmarks/lime_fidelity.py
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import numpy as np

from interp_pipeline.config import ExplainConfig, ModelKind, TrainConfig
from interp_pipeline.explainers.lime import Lime
from interp_pipeline.model_ref import ModelRef
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.compute import load
from interp_pipeline.stages.fetch import fetch
from interp_pipeline.steps.train import train
from interp_pipeline.tracking.server.registry import resolve
from interp_pipeline.tracking.server.session import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interp_pipeline.tracking.models.load import LoadedModel

_ROWS = 60
_SEEDS = (42, 7)
_LOW = 0.3  # R² from which on the picture says not to rely on the weights
_WIDTHS = (None, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0)
_SAMPLES = (5_000, 20_000)
_FEATURES = (6,)


def _choices() -> Iterator[ExplainConfig]:
    for width in _WIDTHS:
        for samples in _SAMPLES:
            yield ExplainConfig(rows=_ROWS, lime_kernel_width=width, lime_samples=samples)
    for features in _FEATURES:
        yield ExplainConfig(rows=_ROWS, lime_features=features)


def _loaded(kind: ModelKind, folder: Path) -> LoadedModel:
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    session = connect(uri)
    trained = train("german_credit", kind, TrainConfig(kind=kind), session=session)
    version = resolve(session.client, ModelRef.parse(trained.uri))
    config = ExplainConfig(rows=_ROWS)
    found = fetch(session, version, config, folder, data=None, background=None, progress=SilentProgress())
    return load(found, config, SilentProgress())


def _line(model: LoadedModel, config: ExplainConfig) -> str:
    one, other = (
        Lime().explain(model.parts, model.rows, model.background, replace(config, seed=seed), lambda _: None)
        for seed in _SEEDS
    )
    if one.local_r2 is None:
        msg = "LIME says of every row how well it fits"
        raise AssertionError(msg)
    output = one.summary_outputs[0]
    r2 = one.local_r2[:, output]
    weights, others = one.values[:, :, output], other.values[:, :, output]
    apart = float(np.abs(weights - others).mean() / np.abs(weights).mean())
    made = one.details
    return (
        f"{made['kernel_width']:>5.2f} {made['samples']:>8,.0f} {made['features']:>8.0f}    "
        f"{r2.mean():.2f} ({r2.min():.2f} to {r2.max():.2f}) {(r2 < _LOW).mean():>8.0%} {apart:>8.0%}"
    )


def main() -> None:
    """Print the table."""
    for kind in get_args(ModelKind):
        with tempfile.TemporaryDirectory() as folder:
            model = _loaded(kind, Path(folder))
            sys.stdout.write(f"\n{kind}\nwidth  samples features    R²                 below {_LOW}    seeds\n")
            for config in _choices():
                sys.stdout.write(f"{_line(model, config)}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
