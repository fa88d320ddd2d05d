"""Configurations refuse what cannot be, and are told apart by their digests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from typing import Any

import pytest

from interp_pipeline.config import CompareConfig, Config, ExplainConfig, TrainConfig
from interp_pipeline.errors import UsageError

_EACH = pytest.mark.parametrize("kind", [TrainConfig, ExplainConfig, CompareConfig])
_OTHER: dict[str, Any] = {
    "kind": "keras",
    "target": "y",
    "positive_class": "yes",
    "task": "binary",
    "test_fraction": 0.25,
    "max_depth": 3,
    "hidden": (8,),
    "methods": ("lime",),
    "class_names": ("no", "yes"),
    "max_seconds": 1.5,
    "max_error": 0.1,
    "lime_kernel_width": 1.5,
    "lime_features": 6,
    "max_evaluations": 1000,
    "output": "margin",
    "output_name": "risk",
    "additivity_tolerance": 1e-3,
    "confidence": 0.9,
}


@_EACH
def test_the_defaults_are_those_of_the_contract(kind: type[Config]) -> None:
    found = kind().to_dict()
    expected: dict[type[Config], dict[str, Any]] = {
        TrainConfig: {"n_estimators": 100, "max_depth": None, "seed": 42, "hidden": (64, 64), "epochs": 10}
        | {"batch_size": 32, "test_fraction": 0.2, "target": "target", "background_rows": 100},
        ExplainConfig: {"rows": 200, "background_rows": 100, "methods": ("auto",), "seed": 42, "instances": 3},
        CompareConfig: {"rows": 200, "seed": 42, "confidence": 0.95},
    }
    assert expected[kind].items() <= found.items()


@_EACH
def test_a_mapping_makes_the_same(kind: type[Config]) -> None:
    assert kind.from_mapping(kind().to_dict()) == kind()
    assert kind.from_mapping({}).digest == kind().digest


@_EACH
def test_unknown_options_are_named_with_the_known(kind: type[Config]) -> None:
    with pytest.raises(UsageError, match=r"unknown option colour, shape.*known: .*seed"):
        kind.from_mapping({"shape": 1, "colour": 2, "seed": 3})


@_EACH
def test_every_option_changes_the_digest(kind: type[Config]) -> None:
    base = kind()
    for field in dataclasses.fields(base):
        value = getattr(base, field.name)
        other = _OTHER[field.name] if field.name in _OTHER else value + 1
        if value == "auto" and field.name == "task":
            other = "regression"
        assert dataclasses.replace(base, **{field.name: other}).digest != base.digest, field.name
    assert len(base.digest) == 64
    json.dumps(base.to_dict())


def test_options_that_came_later_make_no_explanation_due_again() -> None:
    """The digest of the defaults is that of the releases that did not have them."""
    before = {**ExplainConfig().to_dict()}
    later = {"lime_kernel_width": None, "lime_features": None, "output_name": None, "task": "auto"}
    assert {name: before.pop(name) for name in later} == later
    text = json.dumps(before, sort_keys=True, separators=(",", ":"))
    assert ExplainConfig().digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"lime_kernel_width": 0.0}, "lime_kernel_width must be greater than 0, not 0"),
        ({"lime_kernel_width": "wide"}, "lime_kernel_width must be a number, not 'wide'"),
        ({"lime_features": 0}, "lime_features must be at least 1, not 0"),
    ],
)
def test_what_lime_cannot_do_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)):
        ExplainConfig.from_mapping(options)


@_EACH
def test_they_do_not_change(kind: type[Config]) -> None:
    config: Any = kind()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [
        (TrainConfig, "kind", "xgboost"),
        (TrainConfig, "task", "clustering"),
        (TrainConfig, "test_fraction", 0.0),
        (TrainConfig, "test_fraction", 1.0),
        (TrainConfig, "test_fraction", float("nan")),
        (TrainConfig, "n_estimators", 0),
        (TrainConfig, "max_depth", 0),
        (TrainConfig, "hidden", ()),
        (TrainConfig, "hidden", (8, 0)),
        (TrainConfig, "epochs", 0),
        (TrainConfig, "batch_size", 0),
        (TrainConfig, "background_rows", 0),
        (TrainConfig, "explain_rows", 0),
        (TrainConfig, "seed", -1),
        (TrainConfig, "seed", 2**32),
        (ExplainConfig, "rows", 0),
        (ExplainConfig, "background_rows", 0),
        (ExplainConfig, "methods", ()),
        (ExplainConfig, "seed", -1),
        (ExplainConfig, "sampling_rounds", 1),
        (ExplainConfig, "lime_samples", 0),
        (ExplainConfig, "instances", 0),
        (ExplainConfig, "max_evaluations", 0),
        (ExplainConfig, "output", "logits"),
        (CompareConfig, "rows", 0),
        (CompareConfig, "top_k", 0),
        (CompareConfig, "confidence", 1.0),
        (CompareConfig, "confidence", 0.0),
        (CompareConfig, "bootstrap_samples", 1),
    ],
)
def test_what_cannot_be_is_refused_by_name(kind: type[Config], option: str, value: Any) -> None:
    with pytest.raises(UsageError) as caught:
        kind(**{option: value})
    assert option in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (TrainConfig, {"n_estimators": "100"}),
        (TrainConfig, {"n_estimators": 1.5}),
        (TrainConfig, {"hidden": 64}),
        (TrainConfig, {"hidden": (64, "64")}),
        (TrainConfig, {"target": 7}),
        (TrainConfig, {"seed": True}),
        (ExplainConfig, {"methods": "shap"}),
        (ExplainConfig, {"max_seconds": "soon"}),
        (ExplainConfig, {"max_evaluations": 1.5}),
        (ExplainConfig, {"output": 1}),
        (CompareConfig, {"confidence": "high"}),
        (ExplainConfig, {"interactions": 1}),
        (ExplainConfig, {"interactions": "no"}),
    ],
)
def test_a_file_with_a_value_of_another_kind_is_refused(kind: type[Config], values: dict[str, Any]) -> None:
    (option,) = values
    with pytest.raises(UsageError, match=rf"{option} must be"):
        kind.from_mapping(values)


def test_a_whole_number_is_a_number() -> None:
    assert ExplainConfig.from_mapping({"max_seconds": 3}).max_seconds == 3
    assert TrainConfig.from_mapping({"max_depth": None}).max_depth is None


def test_true_and_false_are_options_of_their_own() -> None:
    assert ExplainConfig.from_mapping({"interactions": False}).interactions is False
