"""A program of its own: loads registered models as a stranger would, without the library that trained them.

Arguments: tracking URI, then per model its URI, a CSV file of raw rows and a JSON file for the answer.
"""

from __future__ import annotations

import importlib.abc
import sys
from typing import Any


class _NotInstalled(importlib.abc.MetaPathFinder):
    """As if the project's packages had never been installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:  # noqa: ARG002 - the interface
        if fullname.partition(".")[0] in {"interp_pipeline", "mlflow_plugin", "harness"}:
            raise ModuleNotFoundError(fullname)


def _main(tracking_uri: str, *models: str) -> None:
    sys.meta_path.insert(0, _NotInstalled())
    import json
    from pathlib import Path

    import mlflow
    import pandas as pd

    mlflow.set_tracking_uri(tracking_uri)
    for uri, rows, answer in zip(models[::3], models[1::3], models[2::3], strict=True):
        table = pd.DataFrame(json.loads(Path(rows).read_text(encoding="utf-8")), index=[7, 7, 3, "x"])
        predicted = mlflow.pyfunc.load_model(uri).predict(table)
        content = {
            "type": type(predicted).__name__,
            "columns": list(predicted.columns),
            "index": [str(label) for label in predicted.index],
            "values": predicted.to_numpy().tolist(),
        }
        Path(answer).write_text(json.dumps(content), encoding="utf-8")
    assert not [name for name in sys.modules if name.startswith(("interp_pipeline", "mlflow_plugin"))]


if __name__ == "__main__":
    _main(*sys.argv[1:])
