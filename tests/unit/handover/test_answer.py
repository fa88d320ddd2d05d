"""What one process computed is what the other one has, to the last bit; and nothing that is not asked for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.handover import a_question, an_answer, leave_answer, require_same
from hypothesis import given, settings
from hypothesis import strategies as st

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import CheckError, ModelError, TrackingError
from interp_pipeline.handover import read_answer, write_task
from interp_pipeline.handover.task import read_task
from interp_pipeline.stages.render import render

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.stages.compute import Computed

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8) | st.sampled_from(
    ["<script>", "=cmd()", "../x", "\0", "\N{RIGHT-TO-LEFT OVERRIDE}a", "x" * 10_000]
)
_METHODS = ["shap_tree", "shap_exact", "shap_permutation", "shap_tree_path_dependent", "shap_linear"]


def _rows(random: np.random.Generator, n_rows: int, names: list[str]) -> pd.DataFrame:
    ids = random.choice(1000, size=n_rows, replace=False)
    return pd.DataFrame(random.normal(size=(n_rows, len(names))), columns=names, index=pd.Index(ids))


@given(
    seed=st.integers(0, 2**32 - 1),
    n_rows=st.integers(1, 5),
    names=st.lists(_NAMES, min_size=1, max_size=4, unique=True),
    outputs=st.lists(_NAMES, min_size=1, max_size=3, unique=True),
    method=st.sampled_from(_METHODS),
    lime=st.booleans(),
    trained_here=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_any_computation_arrives_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    seed: int,
    n_rows: int,
    names: list[str],
    outputs: list[str],
    method: str,
    *,
    lime: bool,
    trained_here: bool,
) -> None:
    folder, random = tmp_path_factory.mktemp("handover"), np.random.default_rng(seed)
    config = ExplainConfig(methods=(method, "lime") if lime else (method,), seed=seed)
    fetched = a_question(folder, _rows(random, n_rows, names), outputs=outputs, trained_here=trained_here)
    computed = an_answer(fetched, config, random, outputs, method)
    require_same(read_answer(leave_answer(folder, fetched, config, computed), fetched, config), computed)


def _handed(folder: Path, method: str = "shap_tree", **changes: Any) -> tuple[Any, ...]:
    """Question, settings and answer for four rows, as they are when nobody lies."""
    random = np.random.default_rng(5)
    config = ExplainConfig(methods=(method, "lime"), **changes)
    fetched = a_question(folder, _rows(random, 4, ["a", "b", "c"]), outputs=("no", "yes"), trained_here=True)
    return fetched, config, an_answer(fetched, config, random, ("no", "yes"), method)


def _without_lime(computed: Computed, why: str) -> Computed:
    choices = tuple(dataclasses.replace(each, failed=why) if each.name == "lime" else each for each in computed.choices)
    timings = {**computed.timings_s, "lime": 0.1}
    checks = {name: value for name, value in computed.checks.items() if "lime" not in name}
    return dataclasses.replace(computed, lime=None, choices=choices, timings_s=timings, checks=checks)


def test_shap_values_arrive_without_a_lime_that_failed_and_its_reason_stands_on_the_page(tmp_path: Path) -> None:
    from interp_pipeline.progress import SilentProgress

    fetched, config, computed = _handed(tmp_path)
    alone = _without_lime(computed, "lime: the model's outputs are too large")
    found = read_answer(leave_answer(tmp_path, fetched, config, alone), fetched, config)
    require_same(found, alone)
    files = render(fetched, found, config, SilentProgress())
    assert "It gave no numbers: lime: the model&#39;s outputs are too large." in files["report.html"].decode()
    assert "lime_weights.parquet" not in files


def test_a_lime_that_is_lacking_needs_a_reason_and_shap_values_have_none(tmp_path: Path) -> None:
    fetched, config, computed = _handed(tmp_path)
    silent = _without_lime(computed, "")
    both = dataclasses.replace(
        silent, choices=tuple(dataclasses.replace(e, failed="x") for e in silent.choices), shap=None
    )
    for name, wrong in {"silent": silent, "no shap": dataclasses.replace(both, lime=computed.lime)}.items():
        with pytest.raises(ModelError, match="left no answer that can be used"):
            read_answer(leave_answer(tmp_path / name, fetched, config, wrong), fetched, config)


def test_the_files_that_follow_are_the_same(tmp_path: Path) -> None:
    from interp_pipeline.progress import SilentProgress

    fetched, config, computed = _handed(tmp_path)
    found = read_answer(leave_answer(tmp_path, fetched, config, computed), fetched, config)
    assert render(fetched, found, config, SilentProgress()) == render(fetched, computed, config, SilentProgress())


def test_the_child_is_told_nothing_it_does_not_need(tmp_path: Path) -> None:
    fetched, config, _ = _handed(tmp_path, max_seconds=1.5, class_names=("no", "yes"))
    (tmp_path / "told").mkdir()
    write_task(tmp_path / "told", fetched, config)
    told = read_task(tmp_path / "told")
    assert told.config == config
    assert (told.config.digest, told.version.uri) == (config.digest, "models:/m/1")
    assert told.record is None
    text = "".join(path.read_text(errors="replace") for path in (tmp_path / "told").iterdir())
    for kept in ("test_rmse", "s3://b/loans.csv", "a picture", "models:/m-1", fetched.question):
        assert kept not in text


def test_a_folder_that_cannot_be_written_is_no_fault_of_the_model(tmp_path: Path) -> None:
    fetched, config, computed = _handed(tmp_path)
    with pytest.raises(TrackingError, match="the task for models:/m/1 cannot be written"):
        write_task(tmp_path / "nowhere", fetched, config)
    leave_answer(tmp_path, fetched, config, computed)
    with pytest.raises(TrackingError, match="nowhere cannot be read"):
        read_answer(tmp_path / "nowhere", fetched, config)


def _lie(computed: Computed, part: str, **fields: Any) -> Computed:
    return dataclasses.replace(computed, **{part: dataclasses.replace(getattr(computed, part), **fields)})


def _shifted(array: Any, by: float) -> Any:
    changed = array.copy()
    changed[(0,) * array.ndim] += by
    return changed


_UNTRUE = {
    "values": lambda c: _lie(c, "shap", values=_shifted(c.shap.values, 1e-3)),
    "base value": lambda c: _lie(c, "shap", base_values=_shifted(c.shap.base_values, 1e-3)),
    "predictions": lambda c: _lie(c, "shap", predictions=_shifted(c.shap.predictions, 1e-3)),
}


@pytest.mark.parametrize("what", _UNTRUE)
def test_numbers_that_do_not_add_up_are_refused(tmp_path: Path, what: str) -> None:
    fetched, config, computed = _handed(tmp_path)
    answer = leave_answer(tmp_path, fetched, config, _UNTRUE[what](computed))
    with pytest.raises(CheckError, match="shap_tree: base value and attributions miss the model's output"):
        read_answer(answer, fetched, config)


_IMPOSSIBLE = {
    "other interactions": (
        lambda c: _lie(c, "interactions", mean=_shifted(c.interactions.mean, 1e-3)),
        "its interactions miss the SHAP values they divide by",
    ),
    "other sizes": (
        lambda c: _lie(c, "interactions", mean_abs=c.interactions.mean_abs * 1.001),
        "its interactions miss the SHAP values",
    ),
    "other pairs": (
        lambda c: _lie(c, "interactions", values=_shifted(c.interactions.values, 1e-3)),
        "its interactions miss the SHAP values",
    ),
    "pairs of nothing": (
        lambda c: _lie(c, "interactions", mean_abs=0 * c.interactions.mean_abs),
        "more pairs of features than do anything together",
    ),
    "surrogates better than good": (
        lambda c: _lie(c, "lime", local_r2=c.lime.local_r2 * 0 + 1.01),
        "surrogates that explain more than all",
    ),
    "a check of less": (lambda c: dataclasses.replace(c, checks={}), "its checks are not those that a computation"),
    "a negative check": (
        lambda c: dataclasses.replace(c, checks={**c.checks, "prediction_mismatch": -1.0}),
        "an entry of answer.json, checks is no number from 0 to 1e[+]100",
    ),
    "a check of others": (
        lambda c: dataclasses.replace(c, checks={**c.checks, "served_disagreement": 0.0}),
        "its checks are not those",
    ),
    "other outputs": (
        lambda c: _lie(_lie(c, "shap", positive_class="no"), "lime", positive_class="no"),
        "its outputs are not those the model was trained with",
    ),
    "another unit": (
        lambda c: _lie(_lie(c, "shap", output_unit="euro"), "lime", output_unit="euro"),
        "its outputs are not those the model was trained with",
    ),
    "no LIME": (
        lambda c: dataclasses.replace(
            c, lime=None, choices=c.choices[:1], timings_s={k: v for k, v in c.timings_s.items() if k != "lime"}
        ),
        "it is by other methods than shap_tree, lime",
    ),
    "LIME that was not chosen": (
        lambda c: dataclasses.replace(c, choices=c.choices[:1]),
        "its explanations or timings are not those of its methods",
    ),
    "a time of another stage": (
        lambda c: dataclasses.replace(c, timings_s={**c.timings_s, "sleep": 1.0}),
        "its explanations or timings are not those of its methods",
    ),
    "the same method twice": (
        lambda c: dataclasses.replace(c, choices=(*c.choices, c.choices[0])),
        "its choices are none, or the same twice",
    ),
    "an unknown method": (
        lambda c: dataclasses.replace(c, choices=(*c.choices, dataclasses.replace(c.choices[0], name="shap_magic"))),
        "an entry of answer.json, choices, name is no method",
    ),
    "endless memory": (
        lambda c: dataclasses.replace(c, peak_memory_mb=1e101),
        "answer.json, peak_memory_mb is no number from 0 to 1e[+]100",
    ),
}


@pytest.mark.parametrize("what", _IMPOSSIBLE)
def test_what_cannot_be_is_refused(tmp_path: Path, what: str) -> None:
    fetched, config, computed = _handed(tmp_path)
    lie, says = _IMPOSSIBLE[what]
    answer = leave_answer(tmp_path, fetched, config, lie(computed))
    with pytest.raises(ModelError, match=rf"^models:/m/1: its process left no answer that can be used \(.*{says}"):
        read_answer(answer, fetched, config)


def test_standard_errors_are_those_of_a_method_that_samples_and_not_negative(tmp_path: Path) -> None:
    fetched, config, computed = _handed(tmp_path, "shap_permutation")
    answer = leave_answer(tmp_path, fetched, config, _lie(computed, "shap", std_errors=-computed.shap.std_errors))
    with pytest.raises(ModelError, match="it has standard errors below 0"):
        read_answer(answer, fetched, config)
    (answer / "shap_std_errors.npy").unlink()
    with pytest.raises(ModelError, match=r"shap_std_errors\.npy is missing"):
        read_answer(answer, fetched, config)


@pytest.mark.parametrize(
    ("methods", "chosen", "fits"),
    [
        (("auto",), ("shap_tree", "lime"), True),
        (("auto",), ("shap_tree",), False),
        (("auto",), ("lime",), False),
        (("auto",), ("shap_tree", "shap_exact", "lime"), False),
        (("shap",), ("shap_exact",), True),
        (("shap",), ("shap_exact", "lime"), False),
        (("shap", "shap_exact"), ("shap_exact",), True),
        (("shap", "shap_exact"), ("shap_tree", "shap_exact"), True),
        (("shap_linear",), ("shap_exact",), False),
        (("lime",), ("lime",), True),
        (("lime",), ("shap_exact", "lime"), False),
    ],
)
def test_methods_are_those_asked_for(
    tmp_path: Path, methods: tuple[str, ...], chosen: tuple[str, ...], *, fits: bool
) -> None:
    fetched, config, computed = _handed(tmp_path, "shap_exact" if "shap_exact" in chosen[:1] else "shap_tree")
    shap = computed.shap if chosen[0] != "lime" else None
    by_name = {choice.name: choice for choice in computed.choices}
    any_choice = computed.choices[0]
    computed = dataclasses.replace(
        computed,
        shap=shap,
        lime=computed.lime if "lime" in chosen else None,
        interactions=computed.interactions if shap is not None else None,
        choices=tuple(by_name.get(name, dataclasses.replace(any_choice, name=name)) for name in chosen),
        checks={k: v for k, v in computed.checks.items() if shap is not None or k != "base_value_error"},
        timings_s={"load": 1.0, "interactions": 1.0, "check": 1.0, **dict.fromkeys(chosen, 1.0)},
    )
    answer, asked = leave_answer(tmp_path, fetched, config, computed), dataclasses.replace(config, methods=methods)
    if fits:
        assert [choice.name for choice in read_answer(answer, fetched, asked).choices] == list(chosen)
    else:
        with pytest.raises(ModelError, match="it is by other methods than"):
            read_answer(answer, fetched, asked)


def test_interactions_need_a_reason(tmp_path: Path) -> None:
    fetched, config, computed = _handed(tmp_path)
    answer = leave_answer(tmp_path, fetched, config, computed)
    with pytest.raises(ModelError, match="it has interactions, for which there is no reason"):
        read_answer(answer, fetched, dataclasses.replace(config, interactions=False))


def test_an_answer_to_another_task_is_refused(tmp_path: Path) -> None:
    fetched, config, computed = _handed(tmp_path)
    answer = leave_answer(tmp_path, fetched, config, computed)
    with pytest.raises(ModelError, match=r"answer\.json answers another task"):
        read_answer(answer, dataclasses.replace(fetched, key="another"), config)


def test_the_signature_of_a_stranger_says_which_columns_are_features(tmp_path: Path) -> None:
    from mlflow.models import Model, ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    fetched, config, computed = _handed(tmp_path)
    stranger = dataclasses.replace(fetched, record=None)
    facts = dataclasses.replace(computed.facts, words="SVC", notes=("A note.",))
    answer = leave_answer(tmp_path, stranger, config, dataclasses.replace(computed, facts=facts))
    for names, fits in ((["a", "b", "c"], True), (["a", "b"], False), (["b", "a", "c"], False)):
        signature = ModelSignature(inputs=Schema([ColSpec("float", name) for name in names]))
        Model(flavors={"python_function": {"loader_module": "x"}}, signature=signature).save(str(tmp_path / "MLmodel"))
        if not fits:
            with pytest.raises(ModelError, match="its features are not those of the model"):
                read_answer(answer, stranger, config)
            continue
        found = read_answer(answer, stranger, config)
        assert set(found.rows.dtypes) == {np.dtype("float32")}  # as the signature declares, not as they were sent
        assert (found.facts.kind, found.facts.words, found.facts.notes) == ("python_function", "SVC", ("A note.",))
        assert found.facts.task == "binary"


def test_texts_a_model_brings_are_cut_and_names_are_not(tmp_path: Path) -> None:
    fetched, config, computed = _handed(tmp_path)
    stranger = dataclasses.replace(fetched, record=None)
    facts = dataclasses.replace(computed.facts, notes=("x" * 100_000, "half a \ud800 character"))
    answer = leave_answer(tmp_path / "notes", stranger, config, dataclasses.replace(computed, facts=facts))
    assert read_answer(answer, stranger, config).facts.notes == ("x" * 16_384, "half a ? character")
    for i, name in enumerate(["x" * 20_000, "half a \ud800 character"]):
        named = _lie(computed, "shap", output_names=("no", name), positive_class=name)
        named = _lie(named, "lime", output_names=("no", name), positive_class=name)
        answer = leave_answer(tmp_path / str(i), stranger, config, named)
        with pytest.raises(ModelError, match=r"an entry of answer\.json, outputs, names is (no text of|a text with)"):
            read_answer(answer, stranger, config)
