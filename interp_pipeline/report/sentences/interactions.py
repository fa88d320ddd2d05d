"""What pairs of features do together, beyond what each of them does alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.report.wording import count, effect, name, percent

if TYPE_CHECKING:
    from interp_pipeline.interactions import Interactions

__all__ = ["leading_sentence", "pair_sentences"]

_PAIRS = 3  # told one by one


def leading_sentence(interactions: Interactions) -> str:
    """How much features do alone and how much in pairs."""
    n_rows = len(interactions.explanation.data)
    where = ""
    if len(interactions.rows) < n_rows:
        where = f" (Counted in {len(interactions.rows):,} of the {count(n_rows, 'explained row')}.)"
    if not interactions.ranking:
        return f"No two features act together: each moves predictions by itself.{where}"
    alone = float(np.trace(interactions.strength)) / interactions.total
    return (
        f"{percent(alone, 0)} of all single and joint effects is what features do alone, whatever the others are. "
        f"The other {percent(1 - alone, 0)} is what pairs of them do together, where the effect of one depends on the "
        f"other.{where}"
    )


def pair_sentences(interactions: Interactions) -> list[str]:
    """The strongest pairs, one sentence each."""
    explanation = interactions.explanation
    sentences = []
    for first, second in interactions.ranking[:_PAIRS]:
        size = float(interactions.strength[first, second])
        names = [name(str(explanation.feature_names[j])) for j in (first, second)]
        sentences.append(
            f"{names[0]} and {names[1]} together move a prediction by "
            f"{effect(size, explanation.output_unit, signed=False)} on average beyond what each does alone, "
            f"{percent(size / interactions.total, 0)} of all single and joint effects."
        )
    return sentences
