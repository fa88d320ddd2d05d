"""The files of ours that every registered model carries: which they are, and that none changes unawares."""

from __future__ import annotations

import ast
import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

import interp_pipeline
from interp_pipeline.tracking.models import model_writer

_PACKAGE = Path(interp_pipeline.__file__).parent
# A change here is one to every model to come. Where it is meant, tell of it in the changelog and renew the digest.
_TRAVELS = {
    "tracking/models/served_model.py": "392efb3dadecbf6e80a7f02f15845ce54804f403c16f7aae2f5f7e9e67cde12f",
    "data/typed_rows.py": "2af2a8aee0448bfae466cf11f4ec3d8b0f7c14b76121b48be4db6b8cbb2c410a",
}


@pytest.mark.parametrize("path", _TRAVELS)
def test_what_travels_in_models_changes_only_where_that_is_meant(path: str) -> None:
    assert hashlib.sha256((_PACKAGE / path).read_bytes()).hexdigest() == _TRAVELS[path]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("tracking/models/served_model.py", {"mlflow", "numpy", "pandas", "skops", "tensorflow"}),
        ("data/typed_rows.py", {"numpy", "pandas"}),
    ],
)
def test_what_travels_imports_only_what_loading_a_model_installs(path: str, allowed: set[str]) -> None:
    imported = set()
    for node in ast.walk(ast.parse((_PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
    assert imported <= set(sys.stdlib_module_names) | allowed


def test_models_carry_these_files_of_ours_and_no_others(tmp_path: Path) -> None:
    forest: Any = RandomForestClassifier(2, random_state=0).fit(pd.DataFrame({"a": [0.0, 1.0]}), [0, 1])
    schema = SimpleNamespace(to_dict=lambda: {"features": []})
    parts = model_writer._save_parts(
        SimpleNamespace(kind="random_forest", schema=schema, estimator=forest, encoder=None),  # type: ignore[arg-type]
        tmp_path,
    )
    ours = {path for path in map(Path, parts.values()) if path.is_relative_to(_PACKAGE)}
    assert ours | {model_writer._SERVED_MODEL} == {_PACKAGE / path for path in _TRAVELS}
    assert not list(tmp_path.rglob("*.py"))
