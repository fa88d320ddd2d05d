"""What is explained of a gradient-boosting library's model, whichever library it is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from interp_pipeline.models.head import Head
from interp_pipeline.models.outputs import ONE_CLASS, as_columns, class_names, one_class_note, several_labels

if TYPE_CHECKING:
    import pandas as pd

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.category_columns import CategoryColumns
    from interp_pipeline.models.outputs import Wanted

__all__ = ["BoostedModel", "boosted_head"]

_AGAINST_REST = "Each class has a probability of its own against all others; those of a row need not sum to 100 %."
_SUM_TOLERANCE = 1e-3  # how far rows of probabilities may be from summing to 1
_ROWS_SUMMED = 128  # rows on which they are looked at
_ROUNDING = 1e-6  # a prediction in single precision is its margin if they agree to this


class BoostedModel(Protocol):
    """A trained booster, as its own library offers it."""

    native: Any  # the library's scikit-learn object, or its booster
    n_classes: int  # 0: no classifier
    classes: Any | None  # labels, where it has some
    margin_unit: str  # of a classifier
    gives_probabilities: bool  # of a classifier
    against_rest: bool  # of a classifier: each class has a probability against all others, by itself
    is_trees: bool
    feature_names: tuple[str, ...] | None  # columns in the trees' order; None if it was trained without names
    n_features: int
    named_columns: tuple[int, ...]  # whose values are names though they may be numbers

    def categories(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """Columns its library wants as pandas categories, when they are called so and hold what they hold in rows."""

    def compared(self, names: tuple[str, ...], rows: pd.DataFrame) -> CategoryColumns:
        """Columns its trees compare by numbers of their own, likewise; a ``ModelError`` says why that is not so."""

    def ask(self, model: Any, rows: Any, *, margin: bool) -> Any:
        """The library's own door; ``model`` is ``native`` or a pipeline that ends in it."""

    def forward(self, encoded: FloatArray, *, margin: bool) -> Any:
        """The same from a plain matrix, categories as codes."""


def boosted_head(booster: BoostedModel, model: Any, sample: Any, wanted: Wanted, *, exact: bool) -> Head:
    """Decide what of a booster is explained.

    Classifiers: the raw margins, in which trees add up, or probabilities where asked for. Other
    models: their predictions; these are sums of trees where they equal the margins.

    Args:
        booster: the trained model.
        model: its native object, or the pipeline that ends in it.
        sample: rows of the model's input.
        wanted: what the caller asked for.
        exact: whether the booster's own input can be explained.
    """
    if not booster.n_classes:
        return _number_head(booster, model, sample, wanted, exact=exact)
    names = class_names(booster.classes, booster.n_classes, wanted)
    if len(names) == 1 and booster.gives_probabilities:
        wanted.refuse("margin", ONE_CLASS)
        return Head(
            outputs=wanted.probabilities(names, note=one_class_note(names)),
            # The library gives the probability of a second class, which does not exist, alone or beside the first.
            ask=lambda each, rows: _of_all_classes(booster.ask(each, rows, margin=False))[:, :1],
            forward=lambda encoded: _of_all_classes(booster.forward(encoded, margin=False))[:, :1],
        )
    if not booster.gives_probabilities:
        wanted.refuse("probability", "was trained for an objective without probabilities")
    as_margin = wanted.output == "margin" or (wanted.output == "auto" and (exact or not booster.gives_probabilities))
    if not as_margin:
        outputs = wanted.probabilities(names, note=_AGAINST_REST if booster.against_rest else "")
        return Head(
            outputs=replace(outputs, exclude_each_other=not booster.against_rest),
            ask=lambda each, rows: _of_all_classes(booster.ask(each, rows, margin=False)),
            forward=lambda encoded: _of_all_classes(booster.forward(encoded, margin=False)),
        )
    n_margins = as_columns(booster.ask(model, sample, margin=True)).shape[1]
    if n_margins > 1 and booster.gives_probabilities and not booster.against_rest:
        _require_one_class(_of_all_classes(booster.ask(model, sample[:_ROWS_SUMMED], margin=False)), booster)
    outputs = wanted.margins(names, n_margins, booster.margin_unit)
    trees = booster.native if exact and booster.is_trees else None
    return Head(
        outputs=outputs,
        ask=lambda each, rows: outputs.sign * as_columns(booster.ask(each, rows, margin=True)),
        forward=lambda encoded: outputs.sign * as_columns(booster.forward(encoded, margin=True)),
        trees=trees,
    )


def _require_one_class(probabilities: FloatArray, booster: BoostedModel) -> None:
    """Refuse scores of labels of which a row may have several: each has a probability of its own.

    Raises:
        ModelError: the probabilities of some row do not sum to 1.
    """
    if np.abs(probabilities.sum(axis=1) - 1.0).max() > _SUM_TOLERANCE:
        raise several_labels(type(booster.native).__name__)


def _number_head(booster: BoostedModel, model: Any, sample: Any, wanted: Wanted, *, exact: bool) -> Head:
    """A regression or a ranking; behind the margin there may be an exponential or the like."""
    margins = as_columns(booster.ask(model, sample, margin=True))
    numbers = as_columns(booster.ask(model, sample, margin=False))
    scale = max(float(np.abs(margins).max(initial=0.0)), float(np.finfo(np.float32).tiny))
    additive = margins.shape == numbers.shape and bool((np.abs(margins - numbers) <= _ROUNDING * scale).all())
    margin = wanted.output == "margin"
    unit = f"margin of {wanted.target or 'prediction'}" if margin and not additive else None
    return Head(
        outputs=wanted.numbers(numbers.shape[1], unit),
        ask=lambda each, rows: as_columns(booster.ask(each, rows, margin=margin)),
        forward=lambda encoded: as_columns(booster.forward(encoded, margin=margin)),
        trees=booster.native if exact and booster.is_trees and (additive or margin) else None,
    )


def _of_all_classes(answer: Any) -> FloatArray:
    """Probabilities with one column per class, from those or from the second class's alone."""
    columns = as_columns(answer)
    return np.concatenate([1.0 - columns, columns], axis=1) if columns.shape[1] == 1 else columns
