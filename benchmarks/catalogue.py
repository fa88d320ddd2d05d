"""Every case by name. One case runs in one process of its own."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring.records import to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CASES", "Case", "chosen_cases", "run_case"]


@dataclass(frozen=True)
class Case:
    """Where a case is and what it is given beside the settings."""

    target: str  # module in ``benchmarks.cases`` and function
    arguments: Mapping[str, Any] = field(default_factory=dict)
    quick: bool = True  # also part of a quick run that names no cases


def _others(**arguments: int) -> Case:
    return Case("networks_of_others:cut_and_whole", arguments, quick=False)


CASES: dict[str, Case] = {
    "path-depth8": Case("forests:path_dependent", {"name": "depth 8"}),
    "path-depth12": Case("forests:path_dependent", {"name": "depth 12"}),
    "path-full": Case("forests:path_dependent", {"name": "full"}),
    "path-regressor": Case("forests:path_dependent", {"name": "regressor d12"}),
    "background-depth8": Case("forests:interventional", {"name": "depth 8"}),
    "background-depth12": Case("forests:interventional", {"name": "depth 12"}, quick=False),
    "background-full": Case("forests:interventional", {"name": "full"}),
    "gradient-boosting": Case("boosting:against_shap", {"name": "gradient boosting"}),
    "histogram-boosting": Case("boosting:against_shap", {"name": "histogram boosting"}),
    "xgboost": Case("boosting:against_own_contributions", {"name": "xgboost"}),
    "lightgbm": Case("boosting:against_own_contributions", {"name": "lightgbm"}),
    "interactions": Case("interactions:against_shap"),
    "exact-10": Case("any_model:exact", {"n_features": 10}),
    "exact-12": Case("any_model:exact", {"n_features": 12}, quick=False),
    "network": Case("networks:same_error"),
    "network-numbers": _others(n_numbers=30, n_texts=0, n_outputs=1),
    "network-classes": _others(n_numbers=30, n_texts=0, n_outputs=3),
    "network-wide": _others(n_numbers=100, n_texts=0, n_outputs=1),
    "network-texts": _others(n_numbers=24, n_texts=6, n_outputs=1),
    "lime-forest": Case("lime_rows:forest"),
    "lime-keras": Case("lime_rows:keras"),
    "growth-rows": Case("growth:over_rows"),
    "growth-trees": Case("growth:over_trees"),
    "growth-leaves": Case("growth:over_leaves"),
    "growth-features": Case("growth:over_features"),
    "growth-background": Case("growth:over_background"),
    "memory": Case("growth:memory"),
    "packing": Case("process:packing"),
    "first-call": Case("process:first_call"),
    "registered": Case("registered:explain_registered"),
}


def chosen_cases(patterns: Sequence[str], *, quick: bool = False) -> list[str]:
    """The cases a list of names or patterns such as ``path-*`` stands for; all of the run for an empty list.

    Raises:
        ValueError: a pattern fits no case.
    """
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in CASES):
            msg = f"there is no case {pattern!r}; choose among {', '.join(CASES)}"
            raise ValueError(msg)
    if not patterns:
        return [name for name, case in CASES.items() if case.quick or not quick]
    return [name for name in CASES if any(fnmatch(name, pattern) for pattern in patterns)]


def run_case(name: str, folder: str, *, quick: bool, tiny: bool) -> list[dict[str, Any]]:
    """Run one case in this process.

    Returns:
        Its records, as ``records.to_json`` gives them.
    """
    from benchmarks.workload import Settings

    case = CASES[name]
    module, _, function = case.target.partition(":")
    run = getattr(importlib.import_module(f"benchmarks.cases.{module}"), function)
    return [to_json(record) for record in run(Settings(quick=quick, tiny=tiny, folder=Path(folder)), **case.arguments)]
