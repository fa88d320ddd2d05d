"""Explained in a process of its own, without server or credential, a model gets the numbers it gets in this one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from harness.handover import require_same, run_children
from harness.pipeline import CASES, EXPLAIN, Pipeline, train_config
from harness.sessions import session_of, version_of
from harness.zoo import REQUIRED, Zoo, flowers, loans, measurements
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from interp_pipeline.handover import read_answer, write_task
from interp_pipeline.progress import SilentProgress
from interp_pipeline.stages.compute import compute
from interp_pipeline.stages.fetch import fetch
from interp_pipeline.stages.render import render

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.stages.compute import Computed
    from interp_pipeline.stages.fetch import Fetched

pytestmark = [
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.filterwarnings("ignore:.*type hint:UserWarning"),  # MLflow, on functions without them
]

_NUMBERS = [f"m{i}" for i in range(5)]
_RAW = ["income", "age", "job", "home"]
_RUNNING = frozenset({"seconds", "timings_s", "peak_memory_mb"})  # what no two processes have in common


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Handed:
    """A version that was handed to a child."""

    fetched: Fetched
    config: ExplainConfig
    answer: Path


def _logged(zoo: Zoo, name: str, flavor: str, model: Any, **options: Any) -> str:
    import mlflow

    log = getattr(mlflow, flavor).log_model
    return zoo.register(name, lambda called: log(model, name="m", registered_model_name=called, **REQUIRED, **options))


def _pipeline_of_strangers(zoo: Zoo) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    table = loans()
    encode = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
            ["job", "home"],
        ),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["income", "age"]),
    )
    model = make_pipeline(encode, LogisticRegression()).fit(table[_RAW], table["outcome"])
    return zoo.sklearn("pipeline", model, table, "outcome"), table, {"positive_class": "default"}


def _xgboost(zoo: Zoo) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    from mlflow.models import infer_signature
    from xgboost import XGBClassifier

    table = flowers()
    labels = table["species"].astype("category").cat.codes
    model = XGBClassifier(n_estimators=6, max_depth=3, n_jobs=1).fit(table[_NUMBERS], labels)
    signature = infer_signature(table[_NUMBERS], model.predict(table[_NUMBERS]))
    uri = _logged(zoo, "xgboost", "xgboost", model, signature=signature)
    return uri, table, {"class_names": ("daisy", "rose", "tulip")}


def _lightgbm(zoo: Zoo) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    """With categories that are texts, and some that are numbers, in an order of their own."""
    from lightgbm import LGBMClassifier

    table = loans()
    table["job"] = table["job"].astype(pd.CategoricalDtype(["nurse", "cook", "clerk", "nobody"]))
    table["home"] = (table["home"] == "own").map({True: 2.5, False: 0.5}).astype(pd.CategoricalDtype([2.5, 0.5]))
    model = LGBMClassifier(n_estimators=6, num_leaves=7, verbose=-1, n_jobs=1).fit(table[_RAW], table["outcome"])
    return _logged(zoo, "lightgbm", "lightgbm", model), table, {"target": "outcome"}


def _function(zoo: Zoo) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    """Reads columns that mix numbers, texts, truth values, dates and gaps, and tells all of them apart."""
    import datetime as dt

    from mlflow.pyfunc import PythonModel

    class Particular(PythonModel):
        def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
            del context, params
            kinds = {
                "int": 1.0,
                "float": 2.0,
                "str": 4.0,
                "bool": 8.0,
                "NoneType": 16.0,
                "date": 32.0,
                "Timestamp": 64.0,
            }
            read = model_input.map(lambda value: kinds.get(type(value).__name__, 0.5))
            return read["mixed"].to_numpy() * 1.25 + np.sqrt(read["when"].to_numpy()) + read["flag"].to_numpy()

    cycle: list[Any] = [1, 1.0, "1", True, None]
    days: list[Any] = [dt.date(2020, 1, 1), None, dt.date(2021, 5, 5)]
    n = 60
    table = pd.DataFrame(
        {
            "mixed": pd.Series([cycle[i % 5] for i in range(n)], dtype=object),
            "when": pd.Series([days[i % 3] for i in range(n)], dtype=object),
            "flag": pd.array([[True, False, None, True][i % 4] for i in range(n)], dtype="boolean"),
        },
        index=pd.Index(np.arange(n) * 7 + 3),
    )
    uri = zoo.register("function", lambda called: _pyfunc_log(Particular(), called))
    return uri, table, {"target": "score"}


def _pyfunc_log(model: Any, called: str) -> None:
    import mlflow

    mlflow.pyfunc.log_model(name="m", python_model=model, registered_model_name=called, **REQUIRED)


def _nameless(zoo: Zoo) -> tuple[str, pd.DataFrame, dict[str, Any]]:
    table = measurements()
    model = DecisionTreeRegressor(max_depth=4, random_state=0).fit(table[_NUMBERS].to_numpy(), table["amount"])
    return (
        _logged(zoo, "nameless", "sklearn", model, serialization_format="cloudpickle"),
        table[["amount", *_NUMBERS]],
        {"target": "amount", "methods": ("shap_tree_path_dependent", "shap_permutation", "lime")},
    )


_STRANGERS: dict[str, Callable[[Zoo], tuple[str, pd.DataFrame, dict[str, Any]]]] = {
    "sklearn pipeline": _pipeline_of_strangers,
    "xgboost": _xgboost,
    "lightgbm": _lightgbm,
    "function": _function,
    "nameless": _nameless,
}
_OURS = [f"{kind} {task}" for task, kind in CASES]


@pytest.fixture(scope="module")
def handed(pipeline: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Handed]:
    """All cases, explained one after the other in one child."""
    folder = tmp_path_factory.mktemp("handed")
    zoo = Zoo(tmp_path_factory.mktemp("zoo"))
    cases: dict[str, Handed] = {}

    def hand(name: str, client: Any, uri: str, config: ExplainConfig, data: Any) -> None:
        places = [folder / name / each for each in ("model", "task", "answer")]
        for place in places:
            place.mkdir(parents=True)
        fetched = fetch(
            session_of(client), version_of(client, uri), config, places[0], data=data, progress=SilentProgress()
        )
        write_task(places[1], fetched, config)
        cases[name] = Handed(fetched=fetched, config=config, answer=places[2])

    for task, kind in CASES:
        trained = pipeline.train(str(pipeline.csv(task)), f"handed-{task}-{kind}", train_config(task, kind))
        hand(f"{kind} {task}", pipeline.client, trained.uri, EXPLAIN, None)
    from mlflow import MlflowClient

    for name, make in _STRANGERS.items():
        uri, table, options = make(zoo)
        hand(name, MlflowClient(zoo.uri), uri, dataclasses.replace(EXPLAIN, **options), table)
    done = run_children(*((each.answer.with_name("task"), each.answer) for each in cases.values()))
    assert done.returncode == 0, done.stderr
    return cases


def _with_costs_of(found: Computed, other: Computed) -> Computed:
    """That computation at the cost of another one."""
    costs: dict[str, Any] = {"choices": other.choices}
    for part in ("shap", "lime", "interactions"):
        if getattr(other, part) is not None:
            costs[part] = dataclasses.replace(getattr(found, part), cost=getattr(other, part).cost)
    return dataclasses.replace(found, **costs)


@pytest.mark.parametrize("name", [*_OURS, *_STRANGERS])
def test_the_numbers_are_those_of_this_process(handed: dict[str, Handed], name: str) -> None:
    case, progress = handed[name], SilentProgress()
    found = read_answer(case.answer, case.fetched, case.config)
    expected = compute(case.fetched, case.config, progress)
    require_same(found, expected, but=_RUNNING)
    assert list(found.timings_s) == list(expected.timings_s)
    assert found.peak_memory_mb > 10
    files = render(case.fetched, _with_costs_of(found, expected), case.config, progress)
    assert files == render(case.fetched, expected, case.config, progress)


def test_the_cases_are_what_they_seem(handed: dict[str, Handed]) -> None:
    found = {name: read_answer(each.answer, each.fetched, each.config) for name, each in handed.items()}
    methods = {name: each.shap.method for name, each in found.items() if each.shap is not None}
    assert {methods[name] for name in _OURS} >= {"shap_tree", "shap_permutation"}
    assert [methods[name] for name in _STRANGERS] == [
        *("shap_linear", "shap_tree", "shap_tree", "shap_exact", "shap_tree_path_dependent"),
    ]
    assert [name for name, each in found.items() if each.interactions is not None] == [
        *(name for name in found if methods[name] == "shap_tree"),
    ]
    assert found["function"].shap is not None
    assert (found["function"].shap.importance > 0).all()  # it reads what only intact cells tell
    assert [str(dtype) for dtype in found["function"].rows.dtypes] == ["object", "object", "boolean"]
    assert found["nameless"].rows.columns.tolist() == _NUMBERS
