from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.report.reliability import MethodAgreement, Reliability, compute_reliability
from interp_pipeline.report.sentences.trust import caveats, findings, verdict_sentence

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-")


@pytest.fixture
def reliable() -> Reliability:
    return Reliability(
        n_rows=200,
        additivity_gap=2.2e-16,
        output_range=0.9,
        relative_error=None,
        local_r2=0.85,
        agreement=MethodAgreement(shared=4, top=5, n_features=9, rank_correlation=0.86, same_direction=0.913),
        together=(),
    )


def test_numbers_come_from_the_explanations(shap: Explanation, lime: Explanation) -> None:
    found = compute_reliability(shap, lime)
    assert found.additivity_gap < 1e-15
    assert found.relative_error is None
    assert found.local_r2 == pytest.approx(0.65)
    assert found.agreement is not None
    assert (found.agreement.shared, found.agreement.top, found.agreement.rank_correlation) == (3, 3, 1.0)
    # LIME turns purpose round in the last four rows
    assert found.agreement.same_direction == pytest.approx(1 - 4 / np.count_nonzero(shap.values[:, :, 1]))
    assert compute_reliability(shap, None).agreement is None


def test_errors_are_relative_to_the_size_of_effects(shap: Explanation) -> None:
    size = float(np.abs(shap.values).mean())
    estimated = dataclasses.replace(shap, std_errors=np.full(shap.values.shape, 0.1 * size))
    assert compute_reliability(estimated, None).relative_error == pytest.approx(0.1)


def test_a_constant_importance_has_no_rank_correlation(shap: Explanation, lime: Explanation) -> None:
    flat = dataclasses.replace(lime, values=np.zeros_like(lime.values))
    agreement = compute_reliability(shap, flat).agreement
    assert agreement is not None
    assert agreement.rank_correlation == 0.0
    assert agreement.same_direction is None


def test_features_that_go_together_are_found(shap: Explanation) -> None:
    months = np.arange(20.0)
    data = pd.DataFrame({"months": months, "amount": months**2, "purpose": list("ab") * 10}, index=shap.data.index)
    found = compute_reliability(dataclasses.replace(shap, data=data), None)
    assert found.together == (("months", "amount", pytest.approx(1.0)),)


def test_a_sound_explanation(reliable: Reliability) -> None:
    found = findings(reliable)
    assert {finding.verdict for finding in found} == {"good"}
    assert verdict_sentence(found) == "All 4 checks of this explanation came out well."
    assert [plain(finding.text) for finding in found] == [
        "In all 200 explained rows the effects of the features add up to the prediction (largest gap 2.2e-16).",
        "The effects are computed exactly, not estimated: computing them again gives the same numbers.",
        (
            "By average importance, "
            "SHAP and LIME share 4 of their 5 most important features; the rank correlation over all features is 0.86 "
            "(1 would be the same order). For SHAP's top features they point the same way in 91.3 % of cases."
        ),
        (
            "LIME replaces the model near each row by a simple one that reproduces it with an average R² of 0.85 "
            "(1 would be perfect): its weights describe the model well around each row."
        ),
    ]


def test_a_shaky_explanation(reliable: Reliability) -> None:
    agreement = MethodAgreement(shared=1, top=5, n_features=9, rank_correlation=-0.1, same_direction=None)
    shaky = dataclasses.replace(reliable, additivity_gap=0.003, relative_error=0.12, local_r2=0.3, agreement=agreement)
    found = findings(shaky)
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
            "By average importance, "
            "SHAP and LIME share 1 of their 5 most important features; the rank correlation over all features is -0.1 "
            "(1 would be the same order)."
        ),
    ]


def test_of_few_features_it_is_not_said_that_they_are_shared(reliable: Reliability) -> None:
    agreement = MethodAgreement(shared=3, top=3, n_features=3, rank_correlation=0.5, same_direction=0.635)
    found = findings(dataclasses.replace(reliable, agreement=agreement))
    assert plain(found[2].text) == (
        "By average importance, "
        "SHAP and LIME order the 3 features with a rank correlation of 0.5 (1 would be the same order). "
        "For SHAP's top features they point the same way in 63.5 % of cases."
    )


@pytest.mark.parametrize(("error", "verdict"), [(0.05, "good"), (0.2, "fair"), (0.21, "poor")])
def test_precision_is_judged_by_its_error(reliable: Reliability, error: float, verdict: str) -> None:
    assert findings(dataclasses.replace(reliable, relative_error=error))[1].verdict == verdict


def test_one_row_and_one_feature_read_right(reliable: Reliability) -> None:
    agreement = MethodAgreement(shared=1, top=1, n_features=1, rank_correlation=0.0, same_direction=1.0)
    found = findings(dataclasses.replace(reliable, n_rows=1, agreement=agreement))
    assert plain(found[0].text) == (
        "In the explained row the effects of the features add up to the prediction (gap 2.2e-16)."
    )
    assert plain(found[2].text) == (
        "By the importance in this row, SHAP and LIME find the same most important feature. "
        "For SHAP's top features they point the same way in 100 % of cases."
    )


def test_the_gap_is_judged_by_the_range_of_the_output(reliable: Reliability) -> None:
    prices = dataclasses.replace(reliable, additivity_gap=2e-6, output_range=300.0)
    assert findings(prices)[0].verdict == "good"


def test_without_lime_two_points_remain(reliable: Reliability) -> None:
    assert len(findings(dataclasses.replace(reliable, agreement=None, local_r2=None))) == 2


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
    found = findings(dataclasses.replace(reliable, served_disagreement=part))
    assert (found[-1].title, found[-1].verdict) == ("Agreement with the served answers", verdict)
    assert advice in found[-1].text
    assert "read with care: agreement with the served answers" in verdict_sentence(found)
