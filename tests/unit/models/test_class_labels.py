"""Labels of the model against the names its classes have here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from interp_pipeline.errors import UsageError
from interp_pipeline.models.class_labels import class_labels

X = np.arange(12.0).reshape(6, 2)


def _fitted(labels: list[Any]) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(X, np.array(labels * 3))


@pytest.mark.parametrize(
    ("labels", "names", "expected"),
    [
        ([0, 1], (), {"0": "0", "1": "1"}),
        ([0, 1], ("neg", "pos"), {"0": "neg", "1": "pos"}),
        ([1.0, 2.0], ("1.0", "2.0"), {"1": "1", "2": "2"}),
        ([1, 2], ("neg", "pos"), {"1": "neg", "2": "pos"}),
        (["no", "yes"], ("no", "yes"), {"no": "no", "yes": "yes"}),
        ([False, True], (), {"False": "False", "True": "True"}),
    ],
)
def test_labels_have_the_names_of_the_outputs(
    labels: list[Any], names: tuple[str, ...], expected: dict[str, str]
) -> None:
    assert class_labels(_fitted(labels), names) == expected


def test_names_that_contradict_the_labels_are_refused() -> None:
    with pytest.raises(UsageError, match="the model knows no, yes"):
        class_labels(_fitted(["no", "yes"]), ("neg", "pos"))


def test_a_model_without_labels_has_none() -> None:
    class Unset:
        @property
        def classes_(self) -> Any:
            msg = "not fitted"
            raise RuntimeError(msg)

    assert class_labels(LinearRegression().fit(X, X[:, 0]), ("a",)) == {}
    assert class_labels(Unset(), ()) == {}
    assert class_labels(lambda rows: rows, ("neg", "pos")) == {}
