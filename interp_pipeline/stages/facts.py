"""What is known of a version beside its explanation: from training, where it was trained here, or from the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from interp_pipeline.data.dataset import missing_values
from interp_pipeline.explanation import CLASS_SCORES, PROBABILITY
from interp_pipeline.names import data_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from interp_pipeline.config import Task
    from interp_pipeline.data.schema import Feature
    from interp_pipeline.explanation import Explanation
    from interp_pipeline.tracking.runs.training_run import TrainingRecord

__all__ = ["Facts", "facts_of_manifest", "facts_of_model", "facts_of_training"]

_WORDS = {"random_forest": "random forest", "keras": "Keras network"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """A version in the words of reports, comparisons and the manifest."""

    kind: str  # random_forest or keras as trained here; else the flavor
    words: str  # what it is, as it follows an article
    task: Task
    target: str | None  # name of what is predicted; None: nothing says it
    data_source: str = ""  # the data it was trained on, in words; empty: not known
    n_train: int | None = None
    n_test: int | None = None  # rows that the metrics are of
    metrics: Mapping[str, float] = field(default_factory=dict)  # of the test rows, under plain names
    measured_on_explained: bool = False  # the metrics are of the explained rows, which it may have learned from
    pictures: Mapping[str, bytes] = field(default_factory=dict)  # PNG by name, of training
    notes: tuple[str, ...] = ()  # remarks about how the model reads its input, a sentence each


def facts_of_training(record: TrainingRecord) -> Facts:
    """What training recorded."""
    return Facts(
        kind=record.params["kind"],
        words=_WORDS[record.params["kind"]],
        task=record.schema.task,
        target=record.schema.target,
        data_source=data_name(record.params.get("data_source", "")),
        n_train=_whole(record.params.get("n_train")),
        n_test=_whole(record.params.get("n_test")),
        metrics=_test_metrics(record.metrics),
        pictures=record.pictures,
        notes=_notes(record.schema.features),
    )


def _notes(features: Sequence[Feature]) -> tuple[str, ...]:
    """By which rules columns were read, and where values were missing in the data of training and test."""
    notes = [f"{feature.name}: {feature.note}" for feature in features if feature.note]
    missing = missing_values(features)
    return (*notes, missing) if missing else tuple(notes)


def facts_of_model(
    kind: str, words: str, explained: Explanation, target: str | None, notes: tuple[str, ...] = ()
) -> Facts:
    """What a model of someone else's says about itself: no test result, no training picture.

    Args:
        kind: its flavor.
        words: what it is.
        explained: any explanation of it, for its outputs.
        target: name of the target column, where known.
        notes: how it was taken apart.
    """
    task: Task = "regression"
    if explained.positive_class is not None:
        task = "binary"
    elif explained.output_unit == PROBABILITY or explained.output_unit in CLASS_SCORES:
        task = "multiclass"
    if task == "regression" and len(explained.output_names) == 1:
        target = target or explained.output_names[0]
    return Facts(kind=kind, words=words, task=task, target=target, notes=notes)


def facts_of_manifest(manifest: Mapping[str, Any]) -> Facts:
    """What the manifest of a published explanation of such a model says."""
    model = manifest["model"]
    measured = manifest.get("performance") or {"rows": None, "metrics": {}}
    return Facts(
        kind=model["kind"],
        words=model["words"],
        task=model["task"],
        target=model["target"],
        n_test=measured["rows"],
        metrics=measured["metrics"],
        measured_on_explained=bool(measured["metrics"]),
    )


def _test_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """The test metrics among a run's metrics, without their prefix."""
    return {name.removeprefix("test_"): value for name, value in metrics.items() if name.startswith("test_")}


def _whole(text: str | None) -> int | None:
    return None if text is None else int(text)
