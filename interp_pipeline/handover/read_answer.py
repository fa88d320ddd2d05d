"""The parent's part: what a process that is not trusted has left, as numbers that can be used.

Not the child's but the parent's own are the rows and the background, with row ids, order and types; the names
of the features (which columns are features is the child's word where nothing but the loaded model knows it);
kind, task and target; seed and methods' kinds; and all that training recorded, outputs included. Made again
from the numbers are additivity, to the tolerance that was asked for; that interactions divide the SHAP values;
sampling error, surrogate fidelity, and the agreement of SHAP with LIME.

What is left has to be believed, since only the model could contradict it: that the predictions are the
model's, base values the mean over the background, attributions those of the method that is named, standard
errors and local fidelity as large as said; ``base_value_error``, ``prediction_mismatch`` and
``served_disagreement``; of a model that was not trained here names and unit of its outputs, what it is called,
and the notes about it; why a method was chosen, what it cost and how long it took; and, where there is no
answer, why.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.data.declared import DeclaredColumn, as_declared
from interp_pipeline.errors import DataError, ModelError
from interp_pipeline.explainers.registry import allowed_methods
from interp_pipeline.explanation import Explanation
from interp_pipeline.handover.answer import explanation_shapes, interaction_shapes, require_size
from interp_pipeline.handover.check_answer import (
    checks_of,
    other_features,
    require_asked_for,
    require_divided,
    require_sound,
    require_trained,
)
from interp_pipeline.handover.failure import MOST_FAILURE_BYTES, failure_from_json
from interp_pipeline.handover.files import ANSWER, ERROR, AnswerFolder
from interp_pipeline.handover.parsed_answer import ParsedAnswer
from interp_pipeline.handover.untrusted_json import BadAnswerError
from interp_pipeline.interactions import Interactions
from interp_pipeline.stages.compute import Computed
from interp_pipeline.stages.facts import facts_of_model, facts_of_training
from interp_pipeline.stages.rows.unseen_categories import mark_unseen
from interp_pipeline.tracking.models.model_file import read_model_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.explainers.method import Method
    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.handover.parsed_answer import Effort
    from interp_pipeline.stages.facts import Facts
    from interp_pipeline.stages.fetch import Fetched

__all__ = ["read_answer"]

_MOST_JSON_BYTES = 2 * 2**20  # beside the positions of rows and columns
_POSITION_BYTES = 16


def read_answer(answer: Path, fetched: Fetched, config: ExplainConfig) -> Computed:
    """Read what ``run_task`` left, believing as little of it as can be.

    No name the child chose is looked at, no link followed, no pipe waited for, no file read that has not the
    size it must have, and nothing of it unpickled or executed.

    Args:
        answer: the folder the child could write to; nothing must be able to write to it any more.
        fetched: what the task was written from.
        config: likewise.

    Returns:
        What ``compute`` would have returned in this process.

    Raises:
        ModelError: there is no answer, or one that cannot be what was asked for (CheckError: it does not add
            up); or what the child reports: that the model cannot be loaded or explained.
        UsageError: what the child reports: an option or a row that the model cannot take (DataError).
        ModelProcessError: the child reports that its memory was not enough.
        TrackingError: the folder cannot be read.
    """
    try:
        with AnswerFolder.open(answer) as folder, np.errstate(all="ignore"):
            return _read(folder, fetched, config)
    except BadAnswerError as error:
        uri = fetched.version.uri
        msg = f"{uri}: its process left no answer that can be used ({error}); see what that code does beside predicting"
        raise ModelError(msg) from error


def _read(folder: AnswerFolder, fetched: Fetched, config: ExplainConfig) -> Computed:
    parsed = _parsed(folder, fetched, allowed_methods(config.methods))
    require_asked_for(parsed, config)
    rows, background = _tables(fetched, parsed)
    arrays = _arrays(folder, parsed, rows.shape, fetched.version.uri)
    shap, lime = (
        _explanation(arrays, method, parsed, effort, rows, config)
        for method, effort in ((parsed.shap_method, parsed.shap), (parsed.lime_method, parsed.lime))
    )
    if fetched.record is not None:
        schema = fetched.record.schema
        shap, lime = (None if each is None else mark_unseen(each, schema) for each in (shap, lime))
    require_sound(shap, lime, config)
    explained = shap or lime
    if explained is None:
        msg = "it explains nothing"
        raise BadAnswerError(msg)
    return Computed(
        shap=shap,
        lime=lime,
        interactions=_interactions(arrays, parsed, shap, config),
        interactions_why=parsed.interactions_why,
        facts=_facts(fetched, parsed, explained),
        rows=rows,
        background=background,
        choices=parsed.choices,
        checks=checks_of(shap, lime, parsed.checks, trained_here=fetched.record is not None),
        timings_s=parsed.timings_s,
        peak_memory_mb=parsed.peak_memory_mb,
    )


def _parsed(folder: AnswerFolder, fetched: Fetched, methods: Mapping[str, Method]) -> ParsedAnswer:
    """What the answer says beside its numbers.

    Raises:
        InterpError: what the child reports instead of an answer.
        BadAnswerError: there is neither, or it is not as it must be.
    """
    failure = folder.content(ERROR, MOST_FAILURE_BYTES)
    if failure is not None:
        raise failure_from_json(failure)
    n_rows, columns = len(fetched.rows), list(fetched.rows.columns)
    content = folder.content(ANSWER, _MOST_JSON_BYTES + _POSITION_BYTES * (n_rows + len(columns)))
    if content is None:
        msg = "it ended without one"
        raise BadAnswerError(msg)
    return ParsedAnswer.parse(content, fetched.key, columns, n_rows, methods)


def _tables(fetched: Fetched, parsed: ParsedAnswer) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows and background as the model takes them, made of what was fetched as loading the model makes them."""
    if fetched.record is not None:
        require_trained(parsed, fetched.record.schema)
        return fetched.rows, fetched.background
    file = read_model_file(fetched.model_path, fetched.version.uri)
    declared = file.columns_in(fetched.rows)
    known = tuple(column.name for column in declared)
    if (known and parsed.columns != known) or not set(parsed.columns) <= set(fetched.background.columns):
        raise other_features()
    declared = declared or tuple(DeclaredColumn(name=name, dtype=file.dtype) for name in parsed.columns)
    try:
        return (
            as_declared(fetched.rows, declared, fetched.rows_source),
            as_declared(fetched.background, declared, "the background data"),
        )
    except DataError as error:  # which the child has not met when it read the same rows
        raise other_features() from error


def _facts(fetched: Fetched, parsed: ParsedAnswer, explained: Explanation) -> Facts:
    if fetched.record is not None:
        return facts_of_training(fetched.record)
    kind = read_model_file(fetched.model_path, fetched.version.uri).flavor
    return facts_of_model(kind, parsed.words, explained, fetched.target, parsed.notes)


def _arrays(folder: AnswerFolder, parsed: ParsedAnswer, shape: tuple[int, int], uri: str) -> dict[str, FloatArray]:
    """All arrays an answer must have, none of them read before it is known what they take together."""
    sizes = (*shape, len(parsed.output_names))
    shapes: dict[str, tuple[int, ...]] = {}
    for method in (parsed.shap_method, parsed.lime_method):
        if method is not None:
            shapes |= explanation_shapes(method, *sizes)
    if parsed.interactions is not None:
        shapes |= interaction_shapes(len(parsed.interactions.rows), parsed.interactions.n_pairs, *sizes[1:])
    require_size(shapes, uri)
    return {name: folder.array(name, expected) for name, expected in shapes.items()}


def _explanation(
    arrays: Mapping[str, FloatArray],
    method: Method | None,
    parsed: ParsedAnswer,
    effort: Effort | None,
    rows: pd.DataFrame,
    config: ExplainConfig,
) -> Explanation | None:
    if method is None or effort is None:
        return None
    prefix = f"{method.kind}_"
    found: dict[str, Any] = {
        name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)
    }
    return Explanation(
        **found,
        data=rows[list(rows.columns)],
        output_names=parsed.output_names,
        output_unit=parsed.output_unit,
        positive_class=parsed.positive_class,
        method=method.name,
        seed=config.seed,
        cost=effort.cost,
        details=effort.details,
        unseen={},  # the child does not know the schema: see ``mark_unseen``
    )


def _interactions(
    arrays: Mapping[str, FloatArray], parsed: ParsedAnswer, shap: Explanation | None, config: ExplainConfig
) -> Interactions | None:
    """Interactions of the pairs that are the strongest by the numbers handed over."""
    if parsed.interactions is None or shap is None:
        return None
    mean_abs, mean, values = (arrays[f"interactions_{name}"] for name in ("mean_abs", "mean", "values"))
    rows, cost = parsed.interactions.rows, parsed.interactions.cost
    whole = Interactions(
        explanation=shap, rows=rows, mean_abs=mean_abs, mean=mean, pairs=(), values=values[:, :0], cost=cost
    )
    pairs = whole.ranking[: parsed.interactions.n_pairs]
    if len(pairs) < parsed.interactions.n_pairs:
        msg = "it has more pairs of features than do anything together"
        raise BadAnswerError(msg)
    found = dataclasses.replace(whole, pairs=pairs, values=values)
    require_divided(found, config.additivity_tolerance)
    return found
