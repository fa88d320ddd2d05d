"""What pairs of features do together, beyond what each of them does alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.report.wording import count, effect, listed, name, percent

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
        f"other: {_spread(interactions)}.{where}"
    )


def _spread(interactions: Interactions) -> str:
    """How the joint effects are spread over pairs: a few that are worth reading, and the rest."""
    pairs = interactions.ranking
    sizes = [float(interactions.strength[pair]) for pair in pairs]
    n_rest = len(pairs) - _PAIRS
    if n_rest <= 0:
        return f"{count(len(pairs), 'pair')}, {'named' if len(pairs) == 1 else 'each named'} below"
    told = percent(sum(sizes[:_PAIRS]) / interactions.total, 0)
    rest = percent(sum(sizes[_PAIRS:]) / interactions.total, 0)
    largest = effect(sizes[_PAIRS], interactions.explanation.output_unit, signed=False)
    each = (
        f"which moves a prediction by {largest}"
        if n_rest == 1
        else f"none of which moves a prediction by more than {largest}"
    )
    return (
        f"{told} is that of the {_PAIRS} pairs named below, and {rest} that of {count(n_rest, 'further pair')}, "
        f"{each} on average"
    )


def pair_sentences(interactions: Interactions) -> list[str]:
    """The strongest pairs, one sentence each."""
    explanation, unit = interactions.explanation, interactions.explanation.output_unit
    sentences = []
    for first, second in interactions.ranking[:_PAIRS]:
        size = float(interactions.strength[first, second])
        names = [name(str(explanation.feature_names[j])) for j in (first, second)]
        main = [effect(float(interactions.strength[j, j]), unit, signed=False) for j in (first, second)]
        alone = listed([f"{feature} {size_}" for feature, size_ in zip(names, main, strict=True)])
        sentences.append(
            f"{names[0]} and {names[1]} together move a prediction by {effect(size, unit, signed=False)} on average "
            f"beyond what each does alone ({alone}), {percent(size / interactions.total, 0)} of all single and "
            "joint effects."
        )
    return sentences
