"""The tree kernels run as plain Python with every place in memory checked, and give what they give compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from harness import kernels_in_python
from harness.kernels_in_python import CASES

from interp_pipeline.explainers.kernels.path_plan import plan_paths
from interp_pipeline.explainers.trees.interventional_values import interventional_values
from interp_pipeline.explainers.trees.path_dependent_values import path_dependent_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.explanation import FloatArray


@pytest.fixture(scope="module")
def in_python(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, FloatArray]:
    """What the program writes: that it ends well says that no place outside an array was touched."""
    program, file = Path(kernels_in_python.__file__), tmp_path_factory.mktemp("values") / "values.npz"
    paths = [str(program.parents[2]), str(program.parents[1])]
    done = subprocess.run(
        [sys.executable, "-W", "error", str(program), str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(paths)},
    )
    assert done.returncode == 0, done.stderr
    with np.load(file) as values:
        return dict(values)


@pytest.mark.parametrize("name", CASES)
def test_compiled_values_are_those_of_the_source(name: str, in_python: Mapping[str, FloatArray]) -> None:
    case = CASES[name]
    path = path_dependent_values(case.forest, case.rows, case.players, case.n_players, lambda _: None)
    np.testing.assert_allclose(path, in_python[f"path_dependent_values: {name}"], rtol=0, atol=1e-13)
    between = interventional_values(
        case.forest, case.rows, case.background, case.players, case.n_players, lambda _: None
    )
    np.testing.assert_allclose(between, in_python[f"interventional_values: {name}"], rtol=0, atol=1e-13)


def test_the_cases_reach_every_kind_of_walk() -> None:
    walks = {name: plan_paths(case.forest, case.players)[1] for name, case in CASES.items()}
    assert [list(walk) for walk in walks["two walks"][["above", "points"]].tolist()] == [[0, 2], [2, 11]]
    assert all(len(case.rows) % 8 for name, case in CASES.items() if "eight" not in name)
    assert {len(case.background) > 128 for case in CASES.values()} == {True, False}
