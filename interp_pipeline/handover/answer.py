"""The numbers of a computation as files: arrays by name, and JSON for the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from interp_pipeline.errors import ModelError
from interp_pipeline.explainers.registry import find_method
from interp_pipeline.handover.files import MOST_BYTES, array_bytes
from interp_pipeline.handover.untrusted_json import LONGEST_TEXT

if TYPE_CHECKING:
    from interp_pipeline.explainers.method import Method
    from interp_pipeline.explainers.registry import Choice
    from interp_pipeline.explanation import Cost, Explanation, FloatArray
    from interp_pipeline.handover.task import Task
    from interp_pipeline.interactions import Interactions
    from interp_pipeline.stages.compute import Computed

__all__ = ["FIELDS", "answer_files", "explanation_shapes", "interaction_shapes", "require_size"]

FIELDS = (
    "key",  # of the task
    "columns",  # positions of the features among the columns of the rows
    "outputs",
    "words",  # what the model is
    "notes",  # about how it was read
    "choices",
    "shap",
    "lime",
    "interactions",
    "interactions_why",
    "checks",  # those that need the model
    "timings_s",
    "peak_memory_mb",
)
_TOLD_CHECKS = ("base_value_error", "prediction_mismatch", "served_disagreement")

_Shapes = dict[str, tuple[int, ...]]


def explanation_shapes(method: Method, n_rows: int, n_features: int, n_outputs: int) -> _Shapes:
    """Arrays of an explanation by that method, by the names of their files."""
    three, two = (n_rows, n_features, n_outputs), (n_rows, n_outputs)
    shapes: _Shapes = {"values": three, "base_values": two, "predictions": two}
    if method.sampled:
        shapes["std_errors"] = three
    if method.kind == "lime":
        shapes["local_r2"] = two
    return {f"{method.kind}_{name}": shape for name, shape in shapes.items()}


def interaction_shapes(n_rows: int, n_pairs: int, n_features: int, n_outputs: int) -> _Shapes:
    """Arrays of interactions, by the names of their files."""
    square = (n_features, n_features, n_outputs)
    shapes: _Shapes = {"mean_abs": square, "mean": square, "values": (n_rows, n_pairs, n_outputs)}
    return {f"interactions_{name}": shape for name, shape in shapes.items()}


def require_size(shapes: _Shapes, uri: str) -> None:
    """Refuse arrays that are too large to be handed over.

    Raises:
        ModelError: they are.
    """
    size = array_bytes(shapes)
    if size > MOST_BYTES:
        msg = (
            f"{uri}: its explanation takes {size:,} bytes and at most {MOST_BYTES:,} can be handed over; "
            "explain fewer rows, or a model with fewer outputs"
        )
        raise ModelError(msg)


def answer_files(computed: Computed, task: Task) -> tuple[dict[str, FloatArray], bytes]:
    """A computation as what is written of it: all but the tables, which the parent has itself.

    Args:
        computed: the numbers.
        task: the question they answer.

    Returns:
        Arrays by the names of their files, and the JSON for the rest.

    Raises:
        ModelError: the arrays are too large to be handed over.
    """
    arrays = _arrays(computed)
    require_size({name: array.shape for name, array in arrays.items()}, task.version.uri)
    return arrays, _to_json(computed, task)


def _arrays(computed: Computed) -> dict[str, FloatArray]:
    arrays: dict[str, FloatArray] = {}
    for explanation in (computed.shap, computed.lime):
        if explanation is not None:
            names = explanation_shapes(find_method(explanation.method), *explanation.values.shape)
            arrays |= {name: getattr(explanation, name.partition("_")[2]) for name in names}
    if computed.interactions is not None:
        names = interaction_shapes(0, 0, 0, 0)
        arrays |= {name: getattr(computed.interactions, name.partition("_")[2]) for name in names}
    return arrays


def _to_json(computed: Computed, task: Task) -> bytes:
    explained = computed.shap or computed.lime
    if explained is None or list(explained.data.columns) != list(computed.rows.columns):
        msg = f"{task.version.uri}: what is explained are not the columns of the rows"
        raise AssertionError(msg)
    position = {name: i for i, name in enumerate(task.rows.columns)}
    content = {
        "key": task.key,
        "columns": [position[name] for name in computed.rows.columns],
        "outputs": {
            "names": list(explained.output_names),
            "unit": explained.output_unit,
            "positive": explained.positive_class,
        },
        "words": _sentence(computed.facts.words),
        "notes": [_sentence(note) for note in computed.facts.notes],
        "choices": [_choice(choice) for choice in computed.choices],
        "shap": _explanation(computed.shap),
        "lime": _explanation(computed.lime),
        "interactions": _interactions(computed.interactions),
        "interactions_why": _sentence(computed.interactions_why),
        "checks": {name: float(computed.checks[name]) for name in _TOLD_CHECKS if name in computed.checks},
        "timings_s": {name: float(seconds) for name, seconds in computed.timings_s.items()},
        "peak_memory_mb": float(computed.peak_memory_mb),
    }
    return json.dumps(content, allow_nan=False).encode()


def _sentence(text: str) -> str:
    """As much of a text as the parent takes; names are never cut, for a part of one is another one."""
    return text.encode("utf-8", "replace").decode()[:LONGEST_TEXT]


def _choice(choice: Choice) -> dict[str, Any]:
    evaluations, seconds = choice.n_evaluations, choice.seconds
    return {
        "name": choice.name,
        "why": _sentence(choice.why),
        "n_evaluations": None if evaluations is None else int(evaluations),
        "seconds": None if seconds is None else float(seconds),
        "failed": _sentence(choice.failed),
    }


def _explanation(explanation: Explanation | None) -> dict[str, Any] | None:
    if explanation is None:
        return None
    details = {name: float(value) for name, value in explanation.details.items()}
    return {"cost": _cost(explanation.cost), "details": details}


def _interactions(interactions: Interactions | None) -> dict[str, Any] | None:
    if interactions is None:
        return None
    rows = [int(row) for row in interactions.rows]
    return {"rows": rows, "n_pairs": len(interactions.pairs), "cost": _cost(interactions.cost)}


def _cost(cost: Cost) -> dict[str, Any]:
    return {"seconds": float(cost.seconds), "model_evaluations": int(cost.model_evaluations)}
