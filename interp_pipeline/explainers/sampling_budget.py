"""How long sampling goes on: until its rounds, accuracy, evaluations or time, whichever ends first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from interp_pipeline.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.game import IndexArray, Pairs
    from interp_pipeline.explainers.inputs import TimeLimit
    from interp_pipeline.explainers.masking import MaskedModel

__all__ = ["FEWEST_ROUNDS", "MAX_ROUNDS_FACTOR", "SamplingBudget", "walked_queries"]

FEWEST_ROUNDS = 2  # that show their own spread; also how many are walked at a time
MAX_ROUNDS_FACTOR = 50  # max_error alone may multiply sampling_rounds by this much: errors shrink 7 fold
_REMEDY = "allow more, or explain fewer rows or with a smaller background"


def walked_queries(n_players: int, n_rounds: int) -> IndexArray:
    """Model evaluations of a pair by the number of players it differs on, shape (n_players + 1,)."""
    return 4 * n_rounds * np.maximum(np.arange(n_players + 1, dtype=np.int64) - 1, 0)


class SamplingBudget:
    """Decides after every pass over all rows whether another one follows, and reports progress.

    Attributes:
        stopped_by: once it is decided: ``rounds``, ``max_error``, ``max_evaluations`` or ``max_seconds``.
    """

    def __init__(
        self, masked: MaskedModel, config: ExplainConfig, limit: TimeLimit, advance: Callable[[int], None]
    ) -> None:
        """Nothing is walked yet.

        Args:
            masked: counts evaluations.
            config: the limits.
            limit: the running clock.
            advance: takes numbers of newly finished rows.

        Raises:
            ModelError: ``max_evaluations`` is not enough for the fewest rounds.
        """
        self._masked, self._config, self._limit, self._advance = masked, config, limit, advance
        self._per_round = masked.count_queries(walked_queries(len(masked.players), 1))
        self._setup_s = limit.elapsed_s
        self._rounds = self._pass = self._reported = 0
        self._expected: float = config.sampling_rounds  # rounds in all
        self.stopped_by = "rounds"
        needed = masked.n_evaluations + FEWEST_ROUNDS * self._per_round
        if config.max_evaluations is not None and needed > config.max_evaluations:
            msg = (
                f"shap_permutation: max_evaluations={config.max_evaluations} is not enough, {FEWEST_ROUNDS} rounds "
                f"need {needed}; {_REMEDY}"
            )
            raise ModelError(msg)

    def next_rounds(self, rounds: int, relative_error: float) -> int:
        """How many rounds to walk next; 0 to stop.

        Args:
            rounds: walked so far.
            relative_error: reached by them, any number where there are none.

        Raises:
            ModelError: ``max_error`` is out of reach, and neither evaluations nor time are limited.
        """
        self._rounds = rounds
        if rounds == 0:
            self._pass = self._towards(self._config.sampling_rounds)
            return self._pass
        if self._config.max_error is not None:
            if relative_error <= self._config.max_error:
                return self._stop("max_error")
            # Errors shrink with the square root of the rounds.
            wanted = math.ceil(rounds * (relative_error / self._config.max_error) ** 2)
            self._require_within_reach(wanted, relative_error)
            wanted = max(wanted, rounds + FEWEST_ROUNDS)
        else:
            wanted = self._config.sampling_rounds
            if rounds >= wanted:
                return self._stop("rounds")
        return self._within_limits(wanted)

    def _within_limits(self, wanted: int) -> int:
        """The next pass towards that many rounds, unless it would exceed a limit."""
        config, spent_s = self._config, self._limit.elapsed_s
        self._pass = self._towards(wanted)
        self._expected = wanted
        if config.max_evaluations is not None:
            left = (config.max_evaluations - self._masked.n_evaluations) // max(1, self._per_round)
            if left < self._pass:
                return self._stop("max_evaluations")
            self._expected = min(self._expected, self._rounds + left)
        if config.max_seconds is not None:
            round_s = (spent_s - self._setup_s) / self._rounds
            if spent_s + self._pass * round_s > config.max_seconds:
                return self._stop("max_seconds")
            self._expected = min(self._expected, self._rounds + (config.max_seconds - spent_s) / max(round_s, 1e-9))
        return self._pass

    def _towards(self, wanted: int) -> int:
        """Two rounds, or three where one would be left over: it could not show its spread."""
        return FEWEST_ROUNDS + 1 if wanted - self._rounds == FEWEST_ROUNDS + 1 else FEWEST_ROUNDS

    def _stop(self, reason: str) -> int:
        self.stopped_by = reason
        self._report(1.0)
        return 0

    def _require_within_reach(self, wanted: int, relative_error: float) -> None:
        config, most = self._config, MAX_ROUNDS_FACTOR * self._config.sampling_rounds
        if wanted <= most or config.max_evaluations is not None or config.max_seconds is not None:
            return
        msg = (
            f"shap_permutation: max_error={config.max_error:g} needs about {wanted} rounds and "
            f"{wanted * self._per_round:.2g} model evaluations, more than {MAX_ROUNDS_FACTOR} times "
            f"sampling_rounds={config.sampling_rounds} (error now {relative_error:.3g}); allow a larger error, or "
            "say with max_evaluations or max_seconds what it may cost"
        )
        raise ModelError(msg)

    def after(self, pairs: Pairs) -> None:
        """A chunk of the pass is done.

        Raises:
            ModelError: the time is up before the fewest rounds are walked.
        """
        share = self._masked.pairs_done(pairs) / (len(self._masked.game.rows) * len(self._masked.game.background))
        if self._rounds == 0:
            self._limit.require(share, _REMEDY)
        self._report((self._rounds + self._pass * share) / self._expected)

    def _report(self, share: float) -> None:
        rows = min(int(share * len(self._masked.game.rows)), len(self._masked.game.rows))
        if rows > self._reported:
            self._advance(rows - self._reported)
            self._reported = rows
