"""Both sides of the handover: answers of random numbers, a child that runs real tasks, and how two are compared."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from harness.process import bare_environment

from interp_pipeline.data.schema import Feature, Schema
from interp_pipeline.explainers.registry import Choice
from interp_pipeline.explanation import PROBABILITY, Cost, Explanation
from interp_pipeline.handover.answer import answer_files
from interp_pipeline.handover.files import ANSWER, write_arrays, write_whole
from interp_pipeline.handover.task import read_task, write_task
from interp_pipeline.interactions import Interactions
from interp_pipeline.stages.compute import Computed
from interp_pipeline.stages.facts import facts_of_model, facts_of_training
from interp_pipeline.stages.fetch import Fetched
from interp_pipeline.tracking.runs.training_run import TrainingRecord
from interp_pipeline.tracking.server.registry import RegisteredVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interp_pipeline.config import ExplainConfig

__all__ = ["ROOT", "a_question", "an_answer", "leave_answer", "require_same", "require_same_table", "run_children"]

ROOT = Path(__file__).parents[2]
_CHILD = """
import sys
from pathlib import Path
from interp_pipeline.progress import SilentProgress
from interp_pipeline.handover import run_task
for task, answer in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
    run_task(Path(task), Path(answer), SilentProgress())
"""


def run_children(*pairs: tuple[Path, Path], site: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run tasks one after the other in one process that knows no tracking server; folders of tasks and of answers."""
    unreachable = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "PYTHONPATH": f"{ROOT}:{site}"}
    return subprocess.run(
        [sys.executable, "-c", _CHILD, *(str(path) for pair in pairs for path in pair)],
        env=bare_environment(unreachable),
        capture_output=True,
        text=True,
        check=False,
    )


def a_question(
    folder: Path, rows: pd.DataFrame, *, outputs: Sequence[str] = ("amount",), trained_here: bool = False
) -> Fetched:
    """A fetched version without any code: of ours, or one whose file names neither features nor classes.

    Args:
        folder: an empty one; becomes the model's.
        rows: the rows to explain, and also the background.
        outputs: names of the outputs; more than one are probabilities of classes.
        trained_here: whether training left a record.
    """
    (folder / "MLmodel").write_text(json.dumps({"flavors": {"sklearn": {}, "python_function": {"loader_module": "x"}}}))
    classes = tuple(outputs) if len(outputs) > 1 else ()
    schema = Schema(
        features=tuple(Feature(name=str(name), kind="numeric") for name in rows.columns),
        target="outcome" if classes else outputs[0],
        task={1: "regression", 2: "binary"}.get(len(outputs), "multiclass"),  # type: ignore[arg-type]  # one of them
        classes=classes,
        positive_class=classes[1] if len(classes) == 2 else None,
    )
    record = TrainingRecord(
        schema=schema,
        background=rows,
        rows=rows,
        metrics={"test_rmse": 0.5},
        params={"kind": "random_forest", "data_source": "s3://b/loans.csv", "n_train": "90", "n_test": "10"},
        pictures={"epochs": b"a picture"},
    )
    version = RegisteredVersion(
        name="m", version=1, created_ms=1, source="models:/m-1", run_id="r", experiment_id="0", model_name="model"
    )
    return Fetched(
        version=version,
        record=record if trained_here else None,
        model_path=folder,
        rows=rows,
        rows_source="the given rows",
        rows_are_logged=False,
        background=rows,
        background_source="the given rows",
        target=schema.target,
        outcomes=None,
        key="k" * 64,
        question="q" * 64,
    )


def an_answer(
    fetched: Fetched, config: ExplainConfig, random: np.random.Generator, outputs: Sequence[str], method: str
) -> Computed:
    """Random numbers that are what a computation gives: they add up, and interactions divide them.

    Args:
        fetched: the question.
        config: names the method, and LIME, or neither.
        random: of the numbers.
        outputs: names of the outputs.
        method: the SHAP method; with ``shap_tree`` there are interactions.
    """
    rows = fetched.rows
    three = (*rows.shape, len(outputs))
    main = random.normal(size=three)
    joint = random.normal(size=(three[0], three[1], *three[1:]))
    joint = joint + joint.transpose(0, 2, 1, 3)
    joint[:, np.arange(three[1]), np.arange(three[1])] = 0.0
    values = main + joint.sum(axis=2) / 2
    shap = _explanation(values, random.normal(size=three[2]), rows, outputs, method, config)
    if method == "shap_permutation":
        shap = dataclasses.replace(shap, std_errors=np.abs(random.normal(size=three)), details={"rounds": 4.0})
    lime = None
    if "auto" in config.methods or "lime" in config.methods:
        lime = _explanation(random.normal(size=three), random.normal(size=three[2]), rows, outputs, "lime", config)
        lime = dataclasses.replace(lime, local_r2=random.uniform(-3, 1, size=(three[0], three[2])))
    from interp_pipeline.checks import run_checks

    names = [method, *(["lime"] if lime is not None else [])]
    told = {"prediction_mismatch": 1e-9, "base_value_error": 0.0}
    if method == "shap_tree_path_dependent":
        del told["base_value_error"]
    facts = facts_of_model("sklearn", "SVC\N{SNOWMAN}", shap, fetched.target, ("It is what it is.",))
    return Computed(
        shap=shap,
        lime=lime,
        interactions=_interactions(shap, main, joint) if method == "shap_tree" else None,
        interactions_why="Interactions were computed, or not.",
        facts=facts if fetched.record is None else facts_of_training(fetched.record),
        rows=rows,
        background=fetched.background,
        choices=tuple(Choice(name=name, why=f"Why {name}.", n_evaluations=7, seconds=0.1) for name in names),
        checks={**run_checks(shap=shap, lime=lime), **told},
        timings_s={"load": 0.25, **dict.fromkeys(names, 1 / 3), "interactions": 0.0, "check": 1e-3},
        peak_memory_mb=123.456,
    )


def _explanation(
    values: Any, base: Any, rows: pd.DataFrame, outputs: Sequence[str], method: str, config: ExplainConfig
) -> Explanation:
    base_values = np.tile(base, (len(rows), 1))
    return Explanation(
        values=values,
        base_values=base_values,
        predictions=base_values + values.sum(axis=1),
        data=rows[list(rows.columns)],
        output_names=tuple(outputs),
        output_unit=PROBABILITY if len(outputs) > 1 else outputs[0],
        positive_class=outputs[1] if len(outputs) == 2 else None,
        method=method,
        seed=config.seed,
        cost=Cost(seconds=0.125, model_evaluations=12),
    )


def _interactions(shap: Explanation, main: Any, joint: Any) -> Interactions:
    matrices = joint.copy()
    diagonal = np.arange(main.shape[1])
    matrices[:, diagonal, diagonal] = main
    whole = Interactions(
        explanation=shap,
        rows=tuple(range(len(main))),
        mean_abs=np.abs(matrices).mean(axis=0),
        mean=matrices.mean(axis=0),
        pairs=(),
        values=np.zeros((len(main), 0, main.shape[2])),
        cost=Cost(seconds=0.5, model_evaluations=0),
    )
    pairs = whole.ranking[:20]
    strongest = np.ascontiguousarray(joint[:, [a for a, _ in pairs], [b for _, b in pairs]])
    return dataclasses.replace(whole, pairs=pairs, values=strongest)


def leave_answer(folder: Path, fetched: Fetched, config: ExplainConfig, computed: Computed) -> Path:
    """Write task and answer below a folder as the two processes do; the folder of the answer."""
    task, answer = folder / "task", folder / "answer"
    task.mkdir(parents=True)
    answer.mkdir()
    write_task(task, fetched, config)
    arrays, content = answer_files(computed, read_task(task))
    write_arrays(answer, arrays)
    write_whole(answer, ANSWER, content)
    return answer


def require_same(found: Any, expected: Any, *, but: frozenset[str] = frozenset(), where: str = "") -> None:
    """Hold two values against each other to the last bit, types, tables and arrays included.

    Args:
        found: a computation, or a part of one.
        expected: another one.
        but: fields that may differ, by name.
        where: what is compared, for messages.
    """
    assert type(found) is type(expected), where
    if dataclasses.is_dataclass(expected):
        for field in dataclasses.fields(expected):
            if field.name not in but:
                place = f"{where}.{field.name}"
                require_same(getattr(found, field.name), getattr(expected, field.name), but=but, where=place)
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape, found.flags.writeable) == (expected.dtype, expected.shape, True), where
        assert found.flags.c_contiguous, where
        assert expected.flags.c_contiguous, where
        assert found.tobytes() == expected.tobytes(), where
    elif isinstance(expected, pd.DataFrame):
        require_same_table(found, expected)
    elif isinstance(expected, (tuple, list)):
        assert len(found) == len(expected), where
        for i, (one, other) in enumerate(zip(found, expected, strict=True)):
            require_same(one, other, but=but, where=f"{where}[{i}]")
    else:
        assert found == expected, where


def require_same_table(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Hold two tables against each other: types, categories and the type of every single value included."""
    pd.testing.assert_frame_equal(
        found, expected, check_exact=True, check_column_type="exact", check_index_type="exact"
    )
    assert found.index.name == expected.index.name
    for name in expected.columns:
        one, other = found[name], expected[name]
        if isinstance(other.dtype, pd.CategoricalDtype):
            require_same_index(one.dtype.categories, other.dtype.categories)
            assert one.dtype.ordered == other.dtype.ordered
            assert one.cat.codes.tolist() == other.cat.codes.tolist()
        elif other.dtype == object:
            assert [type(value) for value in one] == [type(value) for value in other]


def require_same_index(found: pd.Index[Any], expected: pd.Index[Any]) -> None:
    """Hold the names of categories against each other, in their order."""
    assert found.dtype == expected.dtype
    assert found.tolist() == expected.tolist()
