"""Run by shapiq's own interpreter: every estimator of Shapley values it has, on one model, at some budgets.

Reads ``game.npz`` in the folder that is its argument and writes ``shapiq.npz``: per estimator and number
of coalitions the values (n_rows, n_features), or the reason why there are none.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.estimator_games import answer

_ESTIMATORS: dict[str, dict[str, Any]] = {
    "KernelSHAP": {"pairing_trick": True},
    "LeverageSHAP": {},
    "OddSHAP": {},
    "RegressionMSR": {"index": "SV"},
    "UnbiasedKernelSHAP": {"pairing_trick": True},
    "PermutationSamplingSV": {},
    "StratifiedSamplingSV": {},
    "SVARM": {"pairing_trick": True},
}


def main() -> None:
    """Estimate, save, and say what was done."""
    import shapiq.approximator  # type: ignore[import-not-found] # has an environment of its own

    folder = Path(sys.argv[1])
    with np.load(folder / "game.npz") as stored:
        arrays = dict(stored)
    name, rows, background = str(arrays.pop("name")), arrays.pop("rows"), arrays.pop("background")
    n_features, budgets = rows.shape[1], arrays.pop("budgets").tolist()
    found: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for estimator, options in _ESTIMATORS.items():
        for budget in budgets:
            label = f"{estimator}|{budget}"
            try:
                values = []
                for row in rows:

                    def game(coalitions: Any, row: Any = row) -> Any:
                        members = np.atleast_2d(np.asarray(coalitions, dtype=bool))[:, np.newaxis]
                        outputs = answer(name, arrays, np.where(members, row, background).reshape(-1, n_features))
                        return outputs.reshape(len(members), -1).mean(axis=1)

                    make = getattr(shapiq.approximator, estimator)
                    estimate = make(n=n_features, random_state=0, **options).approximate(budget, game)
                    values.append([estimate[(i,)] for i in range(n_features)])
                found[label] = np.array(values)
            except Exception as failure:  # noqa: BLE001 - that an estimator fails is a result
                reasons[label] = f"{type(failure).__name__}: {str(failure).splitlines()[0][:80]}"
    np.savez(folder / "shapiq.npz", **found)
    print(json.dumps({"version": version("shapiq"), "reasons": reasons}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
