"""Packages of others that offer explainers, as an installer leaves them: a module and its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COIN", "offer"]

# Sampled by its own word: the halves of what a row and the background differ by, and an error for each.
COIN = """
import time
import numpy as np
from interp_pipeline.explainers.method import Method
from interp_pipeline.explanation import Cost, Explanation

class Coin:
    method = Method(name="coin", words="a share for every feature, by tossing coins", sampled=True)

    def refusal(self, model, config):
        return None

    def explain(self, model, rows, background, config, advance):
        ask = lambda table: np.asarray(model.forward(model.encode(model.to_matrix(table))), dtype=float)
        predictions, base = ask(rows), ask(background).mean(axis=0)
        shares = np.random.default_rng(config.seed).dirichlet(np.ones(rows.shape[1]))
        values = (predictions - base)[:, None, :] * shares[None, :, None]
        advance(len(rows))
        return Explanation(
            values=values, base_values=np.tile(base, (len(rows), 1)), predictions=predictions, data=rows,
            output_names=model.output_names, output_unit=model.output_unit, positive_class=model.positive_class,
            method=self.method.name, seed=config.seed, cost=Cost(seconds=0.1, model_evaluations=len(rows)),
            std_errors=np.abs(values) / 8, details={"tosses": 3.0},
        )
"""


def offer(site: Path, package: str, name: str, code: str, *, attribute: str = "Coin") -> None:
    """Install a package of one module.

    Args:
        site: folder on the import path.
        package: its name, which is also its module's.
        name: of the entry point.
        code: of the module.
        attribute: of the module, which the entry point names.
    """
    metadata = site / f"{package}-1.5.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.5\n", encoding="utf-8")
    entry = f"[interp_pipeline.explainers]\n{name} = {package}:{attribute}\n"
    (metadata / "entry_points.txt").write_text(entry, encoding="utf-8")
    (site / f"{package}.py").write_text(code, encoding="utf-8")
