"""What the page says about pairs of features."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.explanation import Cost
from interp_pipeline.interactions import Interactions
from interp_pipeline.report import render_explanation_report
from interp_pipeline.report.sentences.interactions import leading_sentence, pair_sentences

if TYPE_CHECKING:
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.report import ExplanationReport


@pytest.fixture
def interactions(shap: Explanation) -> Interactions:
    """Duration and purpose together 2 points, duration and note 1; alone 5, 2 and 0."""
    sizes = np.zeros((3, 3, 2))
    sizes[0, 1] = sizes[1, 0] = 0.02
    sizes[0, 2] = sizes[2, 0] = 0.01
    sizes[[0, 1], [0, 1]] = [[0.05], [0.02]]
    return Interactions(
        explanation=shap,
        rows=tuple(range(20)),
        mean_abs=sizes,
        mean=sizes,
        pairs=(),
        values=np.zeros((20, 0, 2)),
        cost=Cost(seconds=0.1, model_evaluations=0),
    )


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


def test_the_strongest_pairs_are_told_with_their_share(interactions: Interactions) -> None:
    assert plain(leading_sentence(interactions)) == (
        "70 % of all single and joint effects is what features do alone, whatever the others are. "
        "The other 30 % is what pairs of them do together, where the effect of one depends on the other: "
        "2 pairs, each named below."
    )
    assert [plain(sentence) for sentence in pair_sentences(interactions)] == [
        f"duration_months and {other} together move a prediction by {size} on average beyond what each does alone "
        f"(duration_months 5.0 points and {other} {alone}), {share} of all single and joint effects."
        for other, size, alone, share in (
            ("purpose", "2.0 points", "2.0 points", "20 %"),
            ("note", "1.0 points", "0 points", "10 %"),
        )
    ]


@pytest.mark.parametrize(
    ("n_features", "named", "others", "n_others"), [(4, "7 %", "3 %", "3"), (20, "3 %", "78 %", "187")]
)
def test_many_small_pairs_are_told_apart_from_the_few_large_ones(
    n_features: int, named: str, others: str, n_others: str, interactions: Interactions
) -> None:
    """A share that 190 small pairs make up together is nothing a reader can look at."""
    old = interactions.explanation
    values = np.repeat(old.values[:, :1], n_features, axis=1)
    explanation = dataclasses.replace(
        old,
        values=values,
        predictions=old.base_values + values.sum(axis=1),
        data=pd.DataFrame({f"f{i}": range(20) for i in range(n_features)}, index=old.data.index),
    )
    sizes = np.full((n_features, n_features, 2), 0.003)
    sizes[0, 1:4] = sizes[1:4, 0] = 0.006
    sizes[range(n_features), range(n_features)] = 0.007 if n_features > 4 else 0.06
    many = dataclasses.replace(interactions, explanation=explanation, mean_abs=sizes, mean=sizes)
    assert plain(leading_sentence(many)).endswith(
        f"depends on the other: {named} is that of the 3 pairs named below, and {others} that of {n_others} further "
        "pairs, none of which moves a prediction by more than 0.3 points on average."
    )


def test_the_page_says_why_there_are_none(content: ExplanationReport) -> None:
    why = "Interactions were not computed: with 1,000,000 nodes a mean over enough rows would take too long."
    page = render_explanation_report(dataclasses.replace(content, interactions_why=why))
    assert "What acts together" in page
    assert why in page


def test_rows_that_were_left_out_are_told(interactions: Interactions) -> None:
    fewer = dataclasses.replace(interactions, rows=(0, 4, 9), values=interactions.values[:3])
    assert leading_sentence(fewer).endswith("(Counted in 3 of the 20 explained rows.)")


def test_no_pair_at_all(interactions: Interactions) -> None:
    none = dataclasses.replace(interactions, mean_abs=interactions.mean_abs * 0)
    assert leading_sentence(none) == "No two features act together: each moves predictions by itself."
    assert pair_sentences(none) == []


def test_the_page_has_a_section_where_interactions_were_computed(
    content: ExplanationReport, interactions: Interactions, png: bytes
) -> None:
    assert "What acts together" not in render_explanation_report(content)
    drawn = {**content.pictures, "interactions": png}
    page = render_explanation_report(dataclasses.replace(content, interactions=interactions, pictures=drawn))
    assert "What acts together" in page
    assert "duration_months and purpose together move a prediction by" in page
    assert page.count("Which features act together") == 2  # the caption and the text for those who do not see it
    assert "Further pictures" not in page
