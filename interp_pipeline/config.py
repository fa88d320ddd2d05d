"""What a caller may choose, as frozen value objects with a stable digest."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from dataclasses import dataclass, field
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from interp_pipeline.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CompareConfig", "Config", "ExplainConfig", "ModelKind", "Output", "Task", "TaskChoice", "TrainConfig"]

Task = Literal["binary", "multiclass", "regression"]
TaskChoice = Literal["auto", "regression", "classification"]
ModelKind = Literal["random_forest", "keras"]
Output = Literal["auto", "probability", "margin"]

# Of an option that came after the first release: at its default it leaves the digest what it was, so that no
# explanation is due again for an option that nobody uses.
_ADDED = {"added": True}
_LARGEST_SEED = 2**32 - 1  # of scikit-learn's and numpy's generators
_WORDS = {
    bool: ("true or false", "true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text", "texts"),
}


def _check_type(name: str, value: Any, wanted: Any) -> None:
    """Refuse a value of another type than the option's annotation says."""
    if get_origin(wanted) in {Union, UnionType}:
        if value is None:
            return
        (wanted,) = (each for each in get_args(wanted) if each is not type(None))
    if get_origin(wanted) is Literal:
        wanted = str  # which of the texts are allowed is checked by the configuration itself
    item = get_args(wanted)[0] if get_origin(wanted) is tuple else None
    if item is not None:
        fits = isinstance(value, tuple) and all(_is(each, item) for each in value)
        word = f"a list of {_WORDS[item][1]}"
    else:
        fits, word = _is(value, wanted), _WORDS[wanted][0]
    if not fits:
        shown = list(value) if isinstance(value, tuple) else value
        msg = f"{name} must be {word}, not {shown!r}"
        raise UsageError(msg)


def _is(value: Any, wanted: type) -> bool:
    if isinstance(value, bool) or wanted is bool:
        return wanted is type(value)  # to Python a whole number, to a reader not
    return isinstance(value, (int, float) if wanted is float else wanted)


def _check_seed(seed: int) -> None:
    if not 0 <= seed <= _LARGEST_SEED:
        msg = f"seed must lie between 0 and {_LARGEST_SEED}, not {seed}"
        raise UsageError(msg)


def _at_least(minimum: int, **values: int) -> None:
    for name, value in values.items():
        if value < minimum:
            msg = f"{name} must be at least {minimum}, not {value}"
            raise UsageError(msg)


@dataclass(frozen=True, kw_only=True)
class Config:
    """Base of the configurations: built from mappings, unknown keys refused, digested."""

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Self:
        """Build from a mapping such as a section of a configuration file.

        Raises:
            UsageError: a key is not an option of this configuration or is missing, or a value does not fit it.
        """
        known = [f.name for f in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            msg = f"unknown option {', '.join(unknown)}; known: {', '.join(known)}"
            raise UsageError(msg)
        needed = [f.name for f in dataclasses.fields(cls) if f.default is f.default_factory is dataclasses.MISSING]
        lacking = [name for name in needed if name not in values]
        if lacking:
            msg = f"option {', '.join(lacking)} is missing"
            raise UsageError(msg)
        types = get_type_hints(cls)
        for name, value in values.items():
            _check_type(name, value, types[name])
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All options with their values, ready for JSON."""
        return dataclasses.asdict(self)

    @property
    def digest(self) -> str:
        """SHA-256 over the options; equal exactly where all of them are equal."""
        added = {f.name: f.default for f in dataclasses.fields(self) if f.metadata == _ADDED}
        chosen = {name: value for name, value in self.to_dict().items() if name not in added or value != added[name]}
        text = json.dumps(chosen, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class TrainConfig(Config):
    """How a model is trained; the defaults are those of the public contract."""

    kind: ModelKind = "random_forest"  # "random_forest" or "keras"
    target: str = "target"  # the column to predict
    positive_class: str | None = None  # None: inferred from the data, and shown
    task: Task | None = None  # None: inferred from the target column
    test_fraction: float = 0.2  # share of the rows that are kept for testing
    seed: int = 42  # of the split and of the training
    background_rows: int = 100  # rows of the training split that are logged as background data
    explain_rows: int = 1000  # most rows of the test split that are logged to be explained
    n_estimators: int = 100  # random forest: number of trees
    max_depth: int | None = None  # random forest: depth of the trees; None: no limit
    hidden: tuple[int, ...] = (64, 64)  # keras: units of each hidden layer
    epochs: int = 10  # keras: passes over the training rows
    batch_size: int = 32  # keras: rows per training step

    def __post_init__(self) -> None:
        """Refuse options no model can be trained with.

        Raises:
            UsageError: an option is out of its range.
        """
        if self.kind not in get_args(ModelKind):
            msg = f"kind must be one of {', '.join(get_args(ModelKind))}, not {self.kind!r}"
            raise UsageError(msg)
        if self.task is not None and self.task not in get_args(Task):
            msg = f"task must be one of {', '.join(get_args(Task))}, not {self.task!r}"
            raise UsageError(msg)
        if not 0 < self.test_fraction < 1:
            msg = f"test_fraction must lie between 0 and 1, not {self.test_fraction}"
            raise UsageError(msg)
        _at_least(
            1,
            n_estimators=self.n_estimators,
            epochs=self.epochs,
            batch_size=self.batch_size,
            background_rows=self.background_rows,
            explain_rows=self.explain_rows,
            hidden=min(self.hidden, default=0),
            max_depth=1 if self.max_depth is None else self.max_depth,
        )
        _check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class ExplainConfig(Config):
    """How a model version is explained."""

    rows: int = 200  # how many rows are explained; a smaller table is explained whole, and the report says so
    background_rows: int = 100  # a larger background table is sampled down to this many rows
    methods: tuple[str, ...] = ("auto",)  # "auto", "shap", "lime", or names of explainers
    target: str | None = None  # column that a model trained elsewhere predicts; None: as its run or signature says
    positive_class: str | None = None  # of a two-class model trained elsewhere; None: the second class
    class_names: tuple[str, ...] = ()  # for a model trained elsewhere, in its own order; empty: its own names
    seed: int = 42  # every random number follows from it
    max_exact_features: int = 12  # any model with at most this many features is enumerated exactly
    sampling_rounds: int = 4  # sampled SHAP: rounds of four walks per background row, unless max_error decides
    lime_samples: int = 5000  # LIME: perturbed rows per explained row
    # LIME: distance at which a perturbed row has weight e^(-1/2); None: 0.75 times the root of the number of features
    lime_kernel_width: float | None = field(default=None, metadata=_ADDED)
    lime_features: int | None = field(default=None, metadata=_ADDED)  # LIME: most features in a row's model; None: all
    instances: int = 3  # how many rows are shown one by one: waterfall, LIME, plain words
    interactions: bool = True  # of tree ensembles: the joint effects of pairs of features, where they are cheap enough
    additivity_tolerance: float = 1e-6  # largest additivity error that is published, as a share of the output range
    max_seconds: float | None = None  # sampling stops after this time; None: no limit
    max_error: float | None = None  # sampling stops at this mean standard error, as a share of mean |value|
    max_evaluations: int | None = None  # most rows the model is asked to predict; None: no limit
    # "auto" explains probabilities, except for boosted trees and linear classifiers: these add up in log-odds or
    # softmax scores.
    output: Output = "auto"
    # Which output is explained, if the model has several; None: the only one, or all of them.
    output_name: str | None = field(default=None, metadata=_ADDED)
    # What a model trained elsewhere does, if it does not say so itself: whole numbers may be amounts or classes.
    task: TaskChoice = field(default="auto", metadata=_ADDED)

    def __post_init__(self) -> None:
        """Refuse options nothing can be explained with.

        Raises:
            UsageError: an option is out of its range.
        """
        _at_least(
            1,
            rows=self.rows,
            background_rows=self.background_rows,
            max_exact_features=self.max_exact_features,
            lime_samples=self.lime_samples,
            instances=self.instances,
            max_evaluations=1 if self.max_evaluations is None else self.max_evaluations,
            lime_features=1 if self.lime_features is None else self.lime_features,
        )
        if self.output not in get_args(Output):
            msg = f"output must be one of {', '.join(get_args(Output))}, not {self.output!r}"
            raise UsageError(msg)
        if self.task not in get_args(TaskChoice):
            msg = f"task must be one of {', '.join(get_args(TaskChoice))}, not {self.task!r}"
            raise UsageError(msg)
        _at_least(2, sampling_rounds=self.sampling_rounds)
        _check_seed(self.seed)
        for name in ("max_seconds", "max_error", "lime_kernel_width"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                msg = f"{name} must be greater than 0, not {value:g}"
                raise UsageError(msg)
        if not self.methods:
            msg = 'methods is empty: name "auto", "shap", "lime" or explainers'
            raise UsageError(msg)


@dataclass(frozen=True, kw_only=True)
class CompareConfig(Config):
    """How explanations are compared."""

    rows: int = 200  # rows that all versions are explained on
    top_k: int = 5  # size of the top lists whose overlap is measured
    confidence: float = 0.95  # level of the intervals that decide whether a shift is more than noise
    bootstrap_samples: int = 1000  # random samples that the intervals rest on
    seed: int = 42  # of these samples

    def __post_init__(self) -> None:
        """Refuse options nothing can be compared with.

        Raises:
            UsageError: an option is out of its range.
        """
        _at_least(1, rows=self.rows, top_k=self.top_k)
        _at_least(100, bootstrap_samples=self.bootstrap_samples)
        _check_seed(self.seed)
        if not 0 < self.confidence < 1:
            msg = f"confidence must lie between 0 and 1, not {self.confidence}"
            raise UsageError(msg)
