from __future__ import annotations

import numpy as np
import pytest

from interp_pipeline.report.sentences.quality import (
    metric_label,
    metric_meaning,
    metric_text,
    plain_metrics,
    quality_sentences,
)


def told(sentences: tuple[str, ...]) -> list[str]:
    return [text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{MINUS SIGN}", "-") for text in sentences]


def test_a_binary_classifier_beside_guessing() -> None:
    metrics = {
        "test_accuracy": 0.765,
        "test_baseline_accuracy": 0.7,
        "test_balanced_accuracy": 0.68,
        "test_roc_auc": 0.79,
    }
    assert told(quality_sentences(metrics, "binary", "outcome", "good", 2000)) == [
        "On 2,000 test rows it had not seen, the model is right 76.5 % of the time.",
        (
            "Always giving the most frequent answer would be right 70.0 % of the time: "
            "the model is 6.5 points better and makes 22 % fewer errors."
        ),
        "With 2,000 test rows this share is known to about ±1.9 points.",
        "If each class counts the same, however rare it is, it is right 68.0 % of the time.",
        (
            "Given one row that is “good” and one that is not, it gives the first the higher probability "
            "in 79.0 % of cases; guessing would reach 50 %."
        ),
    ]


@pytest.mark.parametrize(("accuracy", "text"), [(0.7, "no better"), (0.69, "1.0 points worse")])
def test_no_better_than_guessing_is_said(accuracy: float, text: str) -> None:
    metrics = {"accuracy": accuracy, "baseline_accuracy": 0.7}
    assert told(quality_sentences(metrics, "binary", "y", "good", 200))[1] == (
        f"Always giving the most frequent answer would be right 70.0 % of the time: the model is {text} than that."
    )


def test_a_lead_within_the_margin_may_be_luck() -> None:
    metrics = {"accuracy": 0.75, "baseline_accuracy": 0.7}
    assert told(quality_sentences(metrics, "binary", "y", "good", 200))[2] == (
        "With 200 test rows this share is known to about ±6.0 points, "
        "so the lead over always giving the most frequent answer may be luck."
    )


def test_all_right_is_not_taken_for_certain() -> None:
    sentences = told(quality_sentences({"accuracy": 1.0}, "multiclass", "kind", None, 36))
    assert sentences[1] == "With 36 test rows the true share may still be as low as 88 %."


def test_classes_are_averaged_where_there_are_several() -> None:
    assert told(quality_sentences({"roc_auc": 0.9}, "multiclass", "kind", None)) == [
        (
            "Given one row of a class and one of another, it gives the first the higher probability of its class "
            "in 90.0 % of cases, averaged over the classes; guessing would reach 50 %."
        )
    ]


def test_a_regression_beside_the_average() -> None:
    metrics = {"rmse": 54.3, "mae": 44.1, "r2": 0.443, "baseline_rmse": 73.2}
    assert told(quality_sentences(metrics, "regression", "progression", None, 1)) == [
        "On 1 test row it had not seen, its predictions of progression are off by 44.1 on average.",
        "It explains 44.3 % of the variation between the test rows (R²), which 1 test row cannot tell from luck.",
        (
            "Its root mean squared error, in which large errors count more, is 54.3; always predicting the average "
            "would give 73.2, so the model takes away 26 % of that error."
        ),
    ]
    poor = told(quality_sentences({"rmse": 80.0, "baseline_rmse": 73.2, "r2": -0.2}, "regression", "y", None))
    assert poor[0] == "It explains none of the differences between the test rows (R² is not above zero)."
    assert poor[1].endswith("so the model is no better than the average.")
    assert told(quality_sentences({"rmse": 80.0}, "regression", "y", None)) == [
        "Its root mean squared error, in which large errors count more, is 80."
    ]


def test_a_regression_on_few_rows_is_told_with_its_uncertainty() -> None:
    errors = np.array([1.0, 2.0, 4.0, 1.0, 3.0, 2.0, 8.0])
    metrics = {"rmse": float(np.sqrt(np.mean(errors**2))), "mae": 3.0, "r2": 0.86, "r2_low": -0.19, "r2_high": 0.991}
    sentences = told(quality_sentences(metrics, "regression", "y", None, 7))
    # Student's t with 6 degrees of freedom, 2.447 standard errors of the mean, of errors 2.449 apart
    assert 2.447 * errors.std(ddof=1) / np.sqrt(7) == pytest.approx(2.265, abs=1e-3)
    assert sentences[0].endswith("are off by 3 on average (known to about ±2.3).")
    assert sentences[1] == (
        "It explains 86.0 % of the variation between the test rows (R²); with 7 test rows the true share may be up to "
        "99 %, or no better than the average."
    )
    sentences = told(quality_sentences({**metrics, "r2_low": 0.784}, "regression", "y", None, 100))
    assert sentences[1].endswith("with 100 test rows the true share lies between 78 % and 99 %.")


def test_rows_that_the_model_may_have_learned_from_are_not_called_unseen() -> None:
    sentences = told(quality_sentences({"accuracy": 0.75}, "binary", "y", "good", 200, of_explained_rows=True))
    assert sentences == [
        (
            "On 200 explained rows whose outcomes are known (it may have learned from them), the model is right "
            "75.0 % of the time."
        ),
        "With 200 explained rows this share is known to about ±6.0 points.",
    ]


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_without_metrics_it_says_so(task: str) -> None:
    sentences = quality_sentences({"unheard_of": 1.0}, task, "y", None)  # type: ignore[arg-type]  # parametrised
    assert sentences == ("No test result of this version is known here, so this page cannot say how well it does.",)


def test_metrics_of_a_table() -> None:
    assert list(plain_metrics({"zeta": 1.0, "test_log_loss": 0.5, "accuracy": 0.7})) == ["accuracy", "log_loss", "zeta"]
    assert (metric_label("roc_auc"), metric_label("my\nown")) == ("ROC AUC", "my own")
    assert metric_meaning("my own") == ""
    assert metric_text("accuracy", 0.765).replace("\N{NO-BREAK SPACE}", " ") == "76.5 %"
    assert metric_text("r2", -0.25) == "\N{MINUS SIGN}0.25"
