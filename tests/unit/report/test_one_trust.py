"""A page says of a check what the check's own verdict is, and shows the one figure that is stored."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interp_pipeline.checks.additivity import additivity_verdict
from interp_pipeline.checks.agreement import agreement_verdict
from interp_pipeline.checks.sampling_error import sampling_verdict
from interp_pipeline.checks.served_answers import served_verdict
from interp_pipeline.checks.surrogate_fidelity import fidelity_verdict
from interp_pipeline.report import ExplanationReport, render_explanation_report
from interp_pipeline.report.reliability import Reliability
from interp_pipeline.report.sentences.trust import Finding, findings

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.checks.verdict import Verdict

N_FEATURES = 9
JUDGED: dict[str, tuple[str, Callable[[float], Verdict]]] = {
    "additivity_error": ("The effects add up", lambda figure: additivity_verdict(figure, 1.0)),
    "relative_sampling_error": ("Precision", sampling_verdict),
    "shap_lime_rank_agreement": (
        "Agreement of SHAP and LIME",
        lambda figure: agreement_verdict(figure, N_FEATURES),
    ),
    "lime_mean_r2": ("Fidelity of LIME", fidelity_verdict),
    "served_disagreement": ("Agreement with the served answers", served_verdict),
}
SOUND = {
    "additivity_error": 0.0,
    "relative_sampling_error": 0.0,
    "shap_lime_rank_agreement": 0.9,
    "shap_lime_top5_overlap": 0.9,
    "lime_mean_r2": 0.9,
}
STEPS = [0.0, 1e-7, 1e-6, 0.02, 0.05, 0.2, 0.3, 0.4, 0.5, 0.7, 0.8, 1.0]
FIGURES = st.one_of(
    st.floats(0.0, 1.0),
    st.sampled_from([float(near) for step in STEPS for near in (np.nextafter(step, -1), step, np.nextafter(step, 2))]),
)


def told(key: str, figure: float) -> Finding | None:
    reliability = Reliability(
        checks={**SOUND, key: figure}, n_rows=7, n_features=N_FEATURES, output_range=1.0, is_exact=False, together=()
    )
    return next((found for found in findings(reliability) if found.title == JUDGED[key][0]), None)


def without_figures(text: str) -> str:
    return re.sub(r"(less than |more than )?[\N{MINUS SIGN}<]?\d[\d.,e\N{MINUS SIGN}-]*", "#", text)


@pytest.mark.parametrize("key", JUDGED)
@given(one=FIGURES, other=FIGURES)
def test_a_sentence_never_says_another_thing_than_the_verdict(key: str, one: float, other: float) -> None:
    """Two figures are put into the same words, but for the figures, where their verdict is the same."""
    sentences = [told(key, max(figure, 0.0)) for figure in (one, other)]
    verdicts = [JUDGED[key][1](max(figure, 0.0)) for figure in (one, other)]
    for sentence, verdict in zip(sentences, verdicts, strict=True):
        assert (sentence is None) == (key == "served_disagreement" and verdict == "good")
        assert sentence is None or sentence.verdict == verdict
    words = [None if sentence is None else without_figures(sentence.text) for sentence in sentences]
    if verdicts[0] == verdicts[1]:
        assert words[0] == words[1]
    elif key != "shap_lime_rank_agreement":  # which is told by its figure alone
        assert words[0] != words[1]


@pytest.mark.parametrize("agreement", [0.39, 0.4, 0.69, 0.7, 0.76])
def test_the_page_shows_one_figure_of_agreement(content: ExplanationReport, agreement: float) -> None:
    checks = {**content.checks, "shap_lime_rank_agreement": agreement}
    page = render_explanation_report(dataclasses.replace(content, checks=checks))
    mark = {"good": "Holds", "fair": "With care", "poor": "Weak"}[agreement_verdict(agreement, 3)]
    assert re.search(
        rf">{mark}</span> <b>Agreement of SHAP and LIME\.</b> [^<]* rank correlation of {agreement} ", page
    )
    assert f'shap_lime_rank_agreement</th><td class="n">{agreement}</td>' in page
