from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.report.reliability import Reliability, compute_reliability
from interp_pipeline.report.sentences.trust import caveats, findings, verdict_sentence

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


CHECKS = {
    "additivity_error": 2.2e-16,
    "relative_sampling_error": 0.0,
    "shap_lime_rank_agreement": 0.86,
    "shap_lime_top5_overlap": 0.74,
    "shap_lime_same_direction": 0.913,
    "lime_mean_r2": 0.85,
}


@pytest.fixture
def reliable() -> Reliability:
    return Reliability(checks=CHECKS, n_rows=200, n_features=9, output_range=0.9, is_exact=True, together=())


def with_checks(reliable: Reliability, **changed: float) -> Reliability:
    return dataclasses.replace(reliable, checks={**reliable.checks, **changed})


def test_checks_are_told_as_they_are_stored(shap: Explanation) -> None:
    estimated = dataclasses.replace(shap, std_errors=np.full(shap.values.shape, 0.001))
    found = compute_reliability(estimated, CHECKS)
    assert found.checks is CHECKS
    assert (found.n_rows, found.n_features, found.output_range, found.is_exact) == (20, 3, 1.0, False)
    assert compute_reliability(shap, {}).is_exact


def test_features_that_go_together_are_found(shap: Explanation) -> None:
    months = np.arange(20.0)
    data = pd.DataFrame({"months": months, "amount": months**2, "purpose": list("ab") * 10}, index=shap.data.index)
    found = compute_reliability(dataclasses.replace(shap, data=data), {})
    assert found.together == (("months", "amount", pytest.approx(1.0)),)


def test_a_sound_explanation(reliable: Reliability) -> None:
    found = findings(reliable)
    assert {finding.verdict for finding in found} == {"good"}
    assert verdict_sentence(found) == "All 4 checks of this explanation came out well."
    assert [plain(finding.text) for finding in found] == [
        "In all 200 explained rows the effects of the features add up to the prediction (largest gap 2.2e-16).",
        "The effects are computed exactly, not estimated: computing them again gives the same numbers.",
        (
            "SHAP and LIME share 3.7 of the 5 most important features of a row on average; the rank correlation over "
            "all its features is 0.86 on average (1 would be the same order). For SHAP's top features they point the "
            "same way in 91.3 % of cases."
        ),
        (
            "LIME replaces the model near each row by a simple one that reproduces it with an average R² of 0.85 "
            "(1 would be perfect): its weights describe the model well around each row."
        ),
    ]


def test_a_shaky_explanation(reliable: Reliability) -> None:
    checks = {
        "additivity_error": 0.003,
        "relative_sampling_error": 0.12,
        "shap_lime_rank_agreement": -0.1,
        "shap_lime_top5_overlap": 0.2,
        "lime_mean_r2": 0.3,
    }
    found = findings(dataclasses.replace(reliable, checks=checks, is_exact=False))
    assert [finding.verdict for finding in found] == ["fair", "fair", "poor", "poor"]
    assert verdict_sentence(found) == (
        "0 of 4 checks of this explanation came out well; read with care: the effects add up, precision, "
        "agreement of SHAP and LIME and fidelity of LIME."
    )
    assert [plain(finding.text) for finding in found[:3]] == [
        "In 200 explained rows the effects of the features add up to the prediction only up to a gap of 0.003.",
        (
            "The effects are estimated by sampling. Their typical error is 12.0 % of a typical effect: "
            "good enough for the main features, too coarse for the small ones."
        ),
        (
            "SHAP and LIME share 1 of the 5 most important features of a row on average; the rank correlation over "
            "all its features is -0.1 on average (1 would be the same order)."
        ),
    ]


def test_of_few_features_it_is_not_said_that_they_are_shared(reliable: Reliability) -> None:
    few = with_checks(reliable, shap_lime_rank_agreement=0.5, shap_lime_same_direction=0.635)
    found = findings(dataclasses.replace(few, n_features=3))
    assert plain(found[2].text) == (
        "SHAP and LIME order the 3 features of a row with a rank correlation of 0.5 on average "
        "(1 would be the same order). "
        "For SHAP's top features they point the same way in 63.5 % of cases."
    )


def test_one_row_and_one_feature_read_right(reliable: Reliability) -> None:
    single = with_checks(reliable, shap_lime_rank_agreement=0.0, shap_lime_same_direction=1.0)
    found = findings(dataclasses.replace(single, n_rows=1, n_features=1))
    assert plain(found[0].text) == (
        "In the explained row the effects of the features add up to the prediction (gap 2.2e-16)."
    )
    assert found[2].verdict == "good"
    assert plain(found[2].text) == (
        "There is one feature, so SHAP and LIME have nothing to rank. "
        "For SHAP's top features they point the same way in 100 % of cases."
    )
    (_, _, of_row, _) = findings(dataclasses.replace(reliable, n_rows=1))
    assert plain(of_row.text).startswith(
        "SHAP and LIME share 3.7 of the 5 most important features of this row; the rank correlation over all its "
        "features is 0.86 (1 would be the same order)."
    )


def test_the_gap_is_judged_by_the_range_of_the_output(reliable: Reliability) -> None:
    prices = dataclasses.replace(with_checks(reliable, additivity_error=2e-6), output_range=300.0)
    assert findings(prices)[0].verdict == "good"


def test_without_lime_two_points_remain(reliable: Reliability) -> None:
    checks = {name: CHECKS[name] for name in ("additivity_error", "relative_sampling_error")}
    assert len(findings(dataclasses.replace(reliable, checks=checks))) == 2
    assert verdict_sentence(()) == "No check of this explanation is known here."


def test_caveats_name_features_that_go_together(reliable: Reliability) -> None:
    pair = ("months", "amount", 0.83)
    texts = caveats(dataclasses.replace(reliable, together=(pair,)), 100)
    assert plain(texts[1]).startswith("Effects are relative to 100 background rows")
    assert plain(texts[3]) == (
        "Some features go together: months with amount (0.83). "
        "How effect is shared out between such features is partly arbitrary."
    )
    assert "correlation below 0.7" in caveats(reliable, 1)[3]


@pytest.mark.parametrize(
    ("part", "verdict", "advice"),
    [(0.02, "fair", "look at these rows"), (1.0, "poor", "what is explained may not be what the model is used for")],
)
def test_served_answers_that_differ_are_a_finding(
    reliable: Reliability, part: float, verdict: str, advice: str
) -> None:
    found = findings(with_checks(reliable, served_disagreement=part))
    assert (found[-1].title, found[-1].verdict) == ("Agreement with the served answers", verdict)
    assert advice in found[-1].text
    assert "read with care: agreement with the served answers" in verdict_sentence(found)
