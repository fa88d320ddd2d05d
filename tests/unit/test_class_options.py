"""Class names and the positive class as Python gives them: texts, or the labels themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import interp_pipeline
from interp_pipeline.errors import UsageError
from interp_pipeline.steps import compare as compare_step
from interp_pipeline.steps import explain as explain_step

if TYPE_CHECKING:
    from collections.abc import Callable

    from interp_pipeline.config import ExplainConfig


class _SeenError(Exception):
    """The step was reached: what it was given is all that is looked at."""


@pytest.fixture(params=["explain", "compare"])
def configured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ExplainConfig]:
    """What a public function makes of its options, told by the step behind it."""
    seen: list[ExplainConfig] = []

    def explain(_uri: str, config: ExplainConfig, **_: Any) -> None:
        seen.append(config)
        raise _SeenError

    def compare(_uris: list[str], _config: Any, *, explain_config: ExplainConfig, **_: Any) -> None:
        explain("", explain_config)

    monkeypatch.setattr(explain_step, "explain", explain)
    monkeypatch.setattr(compare_step, "compare", compare)

    def call(**options: Any) -> ExplainConfig:
        with pytest.raises(_SeenError):
            getattr(interp_pipeline, request.param)("models:/m/1", **options)
        return seen[-1]

    return call


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("good", "good"),
        (0, "0"),
        (1.0, "1"),
        (True, "True"),
        (False, "False"),
        (np.int64(-1), "-1"),
        (np.float32(2.0), "2"),
        (np.bool_(True), "True"),  # noqa: FBT003 - a label
        (np.str_("good"), "good"),
    ],
)
def test_labels_are_given_by_their_names(configured: Callable[..., ExplainConfig], label: Any, name: str) -> None:
    config = configured(positive_class=label, class_names=[label, "another"])
    assert (config.positive_class, config.class_names) == (name, (name, "another"))
    assert {type(each) for each in (config.positive_class, *config.class_names)} == {str}


def test_without_any_the_models_own_hold(configured: Callable[..., ExplainConfig]) -> None:
    config = configured()
    assert (config.positive_class, config.class_names) == (None, ())
    assert configured(class_names=np.array([0, 1])).class_names == ("0", "1")


@pytest.mark.parametrize("function", [interp_pipeline.explain, interp_pipeline.compare])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_names": "AB"}, r'class_names must be a list such as \["no", "yes"\], not \'AB\''),
        ({"class_names": 2}, "class_names must be a list"),
        ({"class_names": [None, "B"]}, "class_names must name classes by texts, numbers, True or False, not by None"),
        ({"positive_class": ["A"]}, r"positive_class must name classes .* not by \['A'\]"),
    ],
)
def test_what_is_no_name_is_refused(function: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        function("models:/m/1", **options)
