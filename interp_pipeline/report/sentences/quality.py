"""How well the model does, beside guessing without looking at the features."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from interp_pipeline.checks.sample_size import accuracy_interval, is_lead_certain, mean_error_margin, tells_r2
from interp_pipeline.readable import number
from interp_pipeline.report.wording import count, minus, name, percent, points, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from interp_pipeline.config import Task

__all__ = ["metric_label", "metric_meaning", "metric_text", "plain_metrics", "quality_sentences"]

_SHARES = {"accuracy", "balanced_accuracy", "roc_auc", "baseline_accuracy"}

_LABELS = {
    "accuracy": ("Accuracy", "share of right answers"),
    "baseline_accuracy": ("Baseline accuracy", "share of right answers when always giving the most frequent one"),
    "balanced_accuracy": ("Balanced accuracy", "share of right answers, each class counting the same"),
    "roc_auc": ("ROC AUC", "how well it ranks: 50 % is guessing, 100 % perfect"),
    "log_loss": ("Log loss", "how far the probabilities are from the truth; lower is better"),
    "rmse": ("RMSE", "typical error, large errors counting more; lower is better"),
    "mae": ("MAE", "average error; lower is better"),
    "r2": ("R²", "share of the variation it explains; 1 is perfect, 0 is no better than the average"),
    "r2_low": ("R², lower end", "of the interval that holds the share in 95 of 100 such samples of rows"),
    "r2_high": ("R², upper end", "of the same interval"),
    "baseline_rmse": ("Baseline RMSE", "the same error when always predicting the average"),
}


def plain_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics under their plain names, in the order a reader wants them."""
    plain = {key.removeprefix("test_"): float(figure) for key, figure in metrics.items()}
    known = [key for key in _LABELS if key in plain]
    return {key: plain[key] for key in [*known, *sorted(set(plain) - set(known))]}


def metric_label(key: str) -> str:
    """A metric's name for a table."""
    return _LABELS[key][0] if key in _LABELS else name(key)


def metric_meaning(key: str) -> str:
    """What a metric says; empty for one this page does not know."""
    return _LABELS[key][1] if key in _LABELS else ""


def metric_text(key: str, figure: float) -> str:
    """A metric's value for a table."""
    return percent(figure) if key in _SHARES else minus(number(figure, 3))


def quality_sentences(
    metrics: Mapping[str, float],
    task: Task,
    target: str | None,
    positive_class: str | None,
    n_test: int | None = None,
    *,
    of_explained_rows: bool = False,
) -> tuple[str, ...]:
    """Metrics in words, the most telling first.

    Args:
        metrics: as training.metrics names them, with or without the prefix ``test_``.
        task: what is predicted.
        target: name of the target column; None: not known.
        positive_class: of a binary classifier.
        n_test: test rows; None: not known.
        of_explained_rows: the rows are the explained ones with known outcomes, of which it is not known whether the
            model learned from them.

    Returns:
        One sentence saying so where there are no metrics this page knows.
    """
    known = plain_metrics(metrics)
    if task == "regression":
        found = _regression(known, target or "the target", _Rows(n_test, of_explained_rows))
    else:
        found = _classification(known, positive_class, _Rows(n_test, of_explained_rows))
    if not found:
        return ("No test result of this version is known here, so this page cannot say how well it does.",)
    return tuple(found)


class _Rows(NamedTuple):
    """The rows that metrics are of."""

    number: int | None  # None: not known
    are_explained: bool

    def opening(self) -> str:
        """Beginning of the first sentence."""
        if self.are_explained:
            return f"On {self.counted()} whose outcomes are known (it may have learned from them)"
        return f"On {self.counted()} it had not seen"

    def counted(self) -> str:
        """How many of which kind."""
        kind = "explained row" if self.are_explained else "test row"
        return f"{kind}s" if self.number is None else count(self.number, kind)


def _classification(metrics: dict[str, float], positive_class: str | None, rows: _Rows) -> list[str]:
    sentences = []
    if "accuracy" in metrics:
        right = metrics["accuracy"]
        sentences.append(f"{rows.opening()}, the model is right {percent(right)} of the time.")
        if "baseline_accuracy" in metrics:
            sentences.append(_against_guessing(right, metrics["baseline_accuracy"]))
        if rows.number is not None and rows.number > 1:
            sentences.append(_margin(right, metrics.get("baseline_accuracy"), rows.number, rows.counted()))
    if "balanced_accuracy" in metrics:
        balanced = percent(metrics["balanced_accuracy"])
        sentences.append(f"If each class counts the same, however rare it is, it is right {balanced} of the time.")
    if "roc_auc" in metrics:
        sentences.append(_ranking(metrics["roc_auc"], positive_class))
    return sentences


def _against_guessing(right: float, baseline: float) -> str:
    opening = f"Always giving the most frequent answer would be right {percent(baseline)} of the time"
    if right > baseline:
        avoided = (right - baseline) / (1.0 - baseline)
        gain = points(right - baseline, signed=False)
        return f"{opening}: the model is {gain} better and makes {percent(avoided, 0)} fewer errors."
    if right == baseline:
        return f"{opening}: the model is no better than that."
    return f"{opening}: the model is {points(baseline - right, signed=False)} worse than that."


def _margin(right: float, baseline: float | None, n_test: int, rows: str) -> str:
    centre, margin = accuracy_interval(right, n_test)
    if right == 1.0:
        return f"With {rows} the true share may still be as low as {percent(centre - margin, 0)}."
    opening = f"With {rows} this share is known to about ±{points(margin, signed=False)}"
    if baseline is not None and right > baseline and not is_lead_certain(right, baseline, n_test):
        return f"{opening}, so the lead over always giving the most frequent answer may be luck."
    return f"{opening}."


def _ranking(auc: float, positive: str | None) -> str:
    guessing = percent(0.5, 0)
    if positive is None:
        return (
            f"Given one row of a class and one of another, it gives the first the higher probability of its class "
            f"in {percent(auc)} of cases, averaged over the classes; guessing would reach {guessing}."
        )
    return (
        f"Given one row that is {quoted(positive)} and one that is not, it gives the first the higher probability "
        f"in {percent(auc)} of cases; guessing would reach {guessing}."
    )


def _regression(metrics: dict[str, float], target: str, rows: _Rows) -> list[str]:
    sentences = []
    if "mae" in metrics:
        off = number(metrics["mae"], 3)
        known = _mean_error_margin(metrics, rows)
        sentences.append(f"{rows.opening()}, its predictions of {name(target)} are off by {off} on average{known}.")
    if "r2" in metrics:
        sentences.append(_explained(metrics, rows))
    if "rmse" in metrics and "baseline_rmse" in metrics:
        sentences.append(_against_average(metrics["rmse"], metrics["baseline_rmse"]))
    elif "rmse" in metrics:
        sentences.append(
            f"Its root mean squared error, in which large errors count more, is {number(metrics['rmse'], 3)}."
        )
    return sentences


def _mean_error_margin(metrics: dict[str, float], rows: _Rows) -> str:
    """How exactly the average error is known; empty where that cannot be told."""
    if rows.number is None or "rmse" not in metrics:
        return ""
    margin = mean_error_margin(metrics["mae"], metrics["rmse"], rows.number)
    return "" if margin is None else f" (known to about ±{number(margin, 2)})"


def _against_average(rmse: float, baseline: float) -> str:
    opening = (
        f"Its root mean squared error, in which large errors count more, is {number(rmse, 3)}; "
        f"always predicting the average would give {number(baseline, 3)}"
    )
    if rmse < baseline:
        return f"{opening}, so the model takes away {percent(1.0 - rmse / baseline, 0)} of that error."
    return f"{opening}, so the model is no better than the average."


def _explained(metrics: dict[str, float], rows: _Rows) -> str:
    r2, kind = metrics["r2"], "explained rows" if rows.are_explained else "test rows"
    if r2 <= 0.0:
        return f"It explains none of the differences between the {kind} (R² is not above zero)."
    told = f"It explains {percent(r2)} of the variation between the {kind} (R²)"
    if "r2_low" in metrics and "r2_high" in metrics:
        low, high = metrics["r2_low"], percent(metrics["r2_high"], 0)
        if low <= 0.0:
            return f"{told}; with {rows.counted()} the true share may be up to {high}, or no better than the average."
        return f"{told}; with {rows.counted()} the true share lies between {percent(low, 0)} and {high}."
    if rows.number is not None and not tells_r2(rows.number):
        return f"{told}, which {rows.counted()} cannot tell from luck."
    return f"{told}."
