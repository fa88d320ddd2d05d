"""Run by shapiq's own interpreter: explains rows of a pickled forest, as many as each line of input says."""

from __future__ import annotations

import json
import pickle
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np


def main() -> None:
    """Load, say so, then answer until the input ends."""
    import shapiq  # type: ignore[import-not-found] # has an environment of its own

    folder = Path(sys.argv[1])
    model = pickle.loads((folder / "shapiq-model.pickle").read_bytes())  # noqa: S301 - written by our parent
    rows = np.load(folder / "shapiq-rows.npy")
    classes = {"class_index": 1} if hasattr(model, "classes_") else {}
    explainer = shapiq.TreeExplainer(model, max_order=1, min_order=0, index="SV", **classes)
    print(json.dumps({"version": version("shapiq")}), flush=True)
    for line in sys.stdin:
        n_rows = int(line)
        wall, cpu = time.perf_counter(), time.process_time()
        answers = [explainer.explain(row) for row in rows[:n_rows]]
        taken = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        values = np.array([[answer[(i,)] for i in range(rows.shape[1])] for answer in answers])
        np.savez(folder / "shapiq-answer.npz", values=values, base=float(answers[0].baseline_value))
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
