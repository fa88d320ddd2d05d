"""Which scores of a scikit-learn estimator are explained, and what they are called."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.errors import ModelError
from interp_pipeline.explanation import LOG_ODDS, MEAN_PATH_LENGTH, SOFTMAX_SCORE
from interp_pipeline.models.head import Head
from interp_pipeline.models.outputs import ONE_CLASS, as_columns, class_names, one_class_note, several_labels
from interp_pipeline.models.read_outputs import read_labels, read_outputs

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.explanation import FloatArray
    from interp_pipeline.models.outputs import Wanted

__all__ = ["sklearn_head"]

_DECISION = "decision function"  # unit of scores that are neither log-odds nor the input of a softmax


def sklearn_head(final: Any, model: Any, sample: Any, wanted: Wanted, *, exact: bool) -> Head:
    """Decide what of an estimator is explained.

    Args:
        final: fitted estimator that gives the answers.
        model: it, or the pipeline that ends in it.
        sample: a few rows of the model's input.
        wanted: what the caller asked for.
        exact: whether the estimator's own input can be explained, so that scores additive in
            log-odds are worth more than probabilities.

    Raises:
        ModelError: the estimator predicts nothing, or several classes at once.
        UsageError: the output asked for cannot be had.
    """
    from sklearn.base import is_classifier, is_outlier_detector, is_regressor

    if is_classifier(final):
        return _classifier_head(final, model, sample, wanted, exact=exact)
    if is_outlier_detector(final):
        unit_path = _average_path(final)
        if unit_path and wanted.output != "margin":
            return _path_head(final, unit_path, wanted, exact=exact)
        outputs = wanted.numbers(1, _DECISION)
        return Head(outputs=outputs, ask=_door("decision_function", outputs.sign))
    if not hasattr(model, "predict"):
        msg = f"{type(final).__name__} has no predict: it transforms rows, and there is no answer to explain"
        raise ModelError(msg)
    if is_regressor(final):
        wanted.refuse("margin", "is a regression, which has no margin")
        ask = _door("predict", 1.0)
        trees = final if exact and _predicts_tree_sums(final) else None
        outputs = wanted.numbers(ask(model, sample).shape[1])
        return Head(outputs=outputs, ask=ask, trees=trees, may_be_linear=True)
    return _untagged_head(final, model, sample, wanted)


def _average_path(final: Any) -> float:
    """The path length at which an isolation forest's score is 1/2; 0 for other estimators and forests without one."""
    from sklearn.ensemble import IsolationForest

    n_rows = int(final.max_samples_) if isinstance(final, IsolationForest) else 0
    if n_rows <= 2:  # noqa: PLR2004 - rows
        return max(n_rows - 1.0, 0.0)
    return float(2.0 * (np.log(n_rows - 1.0) + np.euler_gamma) - 2.0 * (n_rows - 1.0) / n_rows)


def _path_head(final: Any, unit_path: float, wanted: Wanted, *, exact: bool) -> Head:
    """An isolation forest: the path length its trees add up, from which its score is computed."""
    outputs = wanted.numbers(1, MEAN_PATH_LENGTH)
    if wanted.output_names is None:
        outputs = replace(outputs, names=(MEAN_PATH_LENGTH,))

    def ask(estimator: Any, rows: Any) -> FloatArray:
        return as_columns(-unit_path * np.log2(-_call(estimator, "score_samples", rows)))

    note = (
        "Each row is given the number of splits the trees need on average to set it apart: few for anomalies, more for "
        "rows like the others. The decision function can be had as --output margin."
    )
    return Head(outputs=replace(outputs, note=note), ask=ask, trees=final if exact else None)


def _classifier_head(final: Any, model: Any, sample: Any, wanted: Wanted, *, exact: bool) -> Head:
    classes = getattr(final, "classes_", None)
    if classes is None or isinstance(classes, list) or np.ndim(classes) != 1:
        msg = f"{type(final).__name__} predicts classes of several targets at once; register one model per target"
        raise ModelError(msg)
    _refuse_several_labels(final, model, sample)
    names = class_names(classes, len(classes), wanted)
    has_probability, has_margin = hasattr(model, "predict_proba"), hasattr(model, "decision_function")
    if not has_probability:
        wanted.refuse("probability", f"is a {type(final).__name__}, which gives none")
    if not has_margin:
        wanted.refuse("margin", f"is a {type(final).__name__}, which gives none")
    if len(names) == 1 and has_probability:
        wanted.refuse("margin", ONE_CLASS)
        trees = final if exact and _is_forest(final) else None
        return Head(outputs=wanted.probabilities(names, note=one_class_note(names)), ask=_first_share, trees=trees)
    log_odds = has_margin and _is_additive_in_log_odds(final)
    if has_margin and (
        wanted.output == "margin" or (wanted.output == "auto" and ((log_odds and exact) or not has_probability))
    ):
        return _margin_head(final, model, sample, wanted, names, exact=exact)
    if has_probability:
        trees = final if exact and _is_forest(final) else None
        return Head(outputs=wanted.probabilities(names), ask=_door("predict_proba", 1.0), trees=trees)
    reading = read_labels(_call(model, "predict", sample), classes, wanted)
    return Head(outputs=reading.outputs, ask=lambda estimator, rows: reading.read(_call(estimator, "predict", rows)))


def _refuse_several_labels(final: Any, model: Any, sample: Any) -> None:
    """Refuse a classifier that answers a row with several labels: its classes are not those of one variable.

    Raises:
        ModelError: it does. Its ``classes_`` may number the labels then, as the classes of others are numbered.
    """
    if not hasattr(model, "predict"):
        return
    answer = _call(model, "predict", sample[:1])
    shape = answer.shape if hasattr(answer, "shape") else np.shape(answer)  # a sparse matrix has no other
    if len(shape) > 1 and shape[1] > 1:
        raise several_labels(type(final).__name__)


def _margin_head(final: Any, model: Any, sample: Any, wanted: Wanted, names: tuple[str, ...], *, exact: bool) -> Head:
    n_margins = as_columns(_call(model, "decision_function", sample)).shape[1]
    unit = _margin_unit(final, n_margins)
    of_pairs = len(names) > 2 and getattr(final, "decision_function_shape", None) == "ovo"  # noqa: PLR2004 - a pair
    outputs = wanted.margins(names, n_margins, unit, of_pairs=of_pairs)
    trees = final if exact and _is_boosted(final) else None
    return Head(outputs=outputs, ask=_door("decision_function", outputs.sign), trees=trees, may_be_linear=True)


def _untagged_head(final: Any, model: Any, sample: Any, wanted: Wanted) -> Head:
    """An estimator that does not say what it predicts: clusters, or a class of somebody's own."""
    if hasattr(model, "predict_proba") and hasattr(final, "classes_"):
        _refuse_several_labels(final, model, sample)
        names = class_names(final.classes_, len(final.classes_), wanted)
        wanted.refuse("margin", f"is a {type(final).__name__}, whose margin is not known")
        return Head(outputs=wanted.probabilities(names), ask=_door("predict_proba", 1.0))
    reading = read_outputs(_call(model, "predict", sample), wanted)
    return Head(outputs=reading.outputs, ask=lambda estimator, rows: reading.read(_call(estimator, "predict", rows)))


def _first_share(estimator: Any, rows: Any) -> FloatArray:
    """The probability of a lone class; some estimators give that of a second one, which does not exist, beside it."""
    return as_columns(_call(estimator, "predict_proba", rows))[:, :1]


def _door(method: str, sign: float) -> Callable[[Any, Any], FloatArray]:
    def ask(estimator: Any, rows: Any) -> FloatArray:
        answer = as_columns(_call(estimator, method, rows))
        return answer if sign > 0 else -answer

    return ask


def _call(estimator: Any, method: str, rows: Any) -> Any:
    """Ask on one thread: a forest's threads add up their trees in the order they finish."""
    from joblib import parallel_config  # type: ignore[import-untyped]  # it has no types

    with parallel_config(backend="sequential"):
        return getattr(estimator, method)(rows)


def _is_additive_in_log_odds(final: Any) -> bool:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    if isinstance(final, (LogisticRegression, LinearDiscriminantAnalysis)):
        return True
    return (isinstance(final, SGDClassifier) or _is_boosted(final)) and getattr(final, "loss", None) == "log_loss"


def _margin_unit(final: Any, n_margins: int) -> str:
    """What one unit of the decision function is."""
    if not _is_additive_in_log_odds(final):
        return _DECISION
    return LOG_ODDS if n_margins == 1 or _is_one_against_rest(final) else SOFTMAX_SCORE


def _is_one_against_rest(final: Any) -> bool:
    """Whether each class of a model of log-odds was set against all others, in a model of its own."""
    from sklearn.linear_model import LogisticRegression, SGDClassifier

    # scikit-learn before 1.8: of more than two classes, liblinear knows no other way
    asked = getattr(final, "solver", None) == "liblinear" or getattr(final, "multi_class", None) == "ovr"
    return isinstance(final, SGDClassifier) or (isinstance(final, LogisticRegression) and asked)


def _is_boosted(final: Any) -> bool:
    from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier

    return isinstance(final, (GradientBoostingClassifier, HistGradientBoostingClassifier))


def _is_forest(final: Any) -> bool:
    from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    return isinstance(final, (DecisionTreeClassifier, RandomForestClassifier, ExtraTreesClassifier))


def _predicts_tree_sums(final: Any) -> bool:
    """Whether the prediction of a regressor is a sum over trees with nothing behind it."""
    from sklearn.ensemble import (
        ExtraTreesRegressor,
        GradientBoostingRegressor,
        HistGradientBoostingRegressor,
        RandomForestRegressor,
    )
    from sklearn.tree import DecisionTreeRegressor

    if isinstance(final, HistGradientBoostingRegressor):
        return final.loss in {"squared_error", "absolute_error", "quantile"}  # the others end in an exponential
    plain = (DecisionTreeRegressor, RandomForestRegressor, ExtraTreesRegressor, GradientBoostingRegressor)
    return isinstance(final, plain)
