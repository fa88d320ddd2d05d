"""Every stored check is told in plain words, and no other name is."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.checks import run_checks
from interp_pipeline.report.sentences.trust import check_meaning

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation


def test_every_check_has_a_meaning(shap: Explanation, lime: Explanation) -> None:
    both = dataclasses.replace(lime, data=shap.data)
    names = run_checks(
        shap=shap,
        lime=both,
        served_predictions=shap.predictions,
        background_predictions=np.tile([0.3, 0.7], (5, 1)),
        served_answers=shap.predictions,
    )
    assert len(names) == 10
    assert all(check_meaning(name) for name in names)
    assert check_meaning("mine") == ""
