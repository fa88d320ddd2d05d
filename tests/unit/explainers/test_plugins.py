"""Explainers of other packages: imported when they are named, refused where they are not what they must be."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from harness.explainable_models import explain, mlp, random_rows, small_model, table
from harness.offered import COIN, offer

from interp_pipeline.config import ExplainConfig
from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.explainers.method import require_as_declared
from interp_pipeline.explainers.registry import (
    OURS,
    allowed_methods,
    check_methods,
    choose_explainers,
    list_methods,
    load_explainer,
    needs_background,
    packages_of,
)
from mlflow_plugin.cli.methods import methods

if TYPE_CHECKING:
    from pathlib import Path

FEW = small_model(mlp(3, 1, 0), 3)
ROWS = table(random_rows(4, 3, 1))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


def test_it_is_imported_when_it_is_named_and_not_before(site: Path) -> None:
    offer(site, "coin_first", "coin", COIN)
    check_methods(("auto", "shap_exact"))
    assert packages_of(["shap_exact", "lime", "coin"]) == ("coin_first",)
    assert "coin_first" not in sys.modules
    assert load_explainer("coin").method.sampled
    assert "coin_first" in sys.modules
    assert (needs_background(("coin",)), list(allowed_methods(("coin", "shap")))) == (True, [*OURS, "coin"])


def test_it_is_chosen_by_name_and_said_to_be_of_its_package(site: Path) -> None:
    offer(site, "coin_chosen", "coin", COIN)
    (choice,) = choose_explainers(FEW, ExplainConfig(methods=("coin",)))
    assert (choice.name, choice.why) == ("coin", "Requested explicitly, of the package coin_chosen 1.5.")
    assert [each.name for each in choose_explainers(FEW, ExplainConfig())] == ["shap_exact", "lime"]
    with pytest.raises(UsageError, match=r"no explainer 'dice'; choose among auto, shap, .*, lime, coin$"):
        check_methods(("dice",))


def test_one_that_is_broken_is_listed_with_its_fault_and_hinders_no_other(site: Path) -> None:
    offer(site, "coin_sound", "coin", COIN)
    offer(site, "coin_torn", "torn", "import a_module_that_is_missing")
    check_methods(("auto", "coin", "shap_exact"))
    listed = {each.name: each for each in list_methods()}
    assert list(listed) == [*OURS, "coin", "torn"]
    assert (listed["coin"].package, listed["coin"].method) == ("coin_sound 1.5", load_explainer("coin").method)
    assert (listed["torn"].package, listed["torn"].method) == ("coin_torn 1.5", None)
    assert "No module named 'a_module_that_is_missing'" in listed["torn"].fault
    *_, sound, torn = CliRunner().invoke(methods, catch_exceptions=False).output.splitlines()
    assert sound == "coin: a share for every feature, by tossing coins, of the package coin_sound 1.5"
    assert torn.startswith("torn: the explainer 'torn' of the package coin_torn 1.5 (coin_torn:Coin) cannot be loaded")


REPLACED = {
    "raises": ("class Coin:", "raise RuntimeError('no licence')\nclass Coin:", "loaded .RuntimeError: no licence"),
    "exits": ("class Coin:", "raise SystemExit(3)\nclass Coin:", "loaded .SystemExit: 3"),
    "other attribute": ("class Coin:", "class Dime:", "has no attribute 'Coin'"),
    "no record": ("method = Method", "record = Method", "its attribute 'method' is no interp_pipeline.*Method"),
    "other name": ('name="coin"', 'name="dime"', "its method is called 'dime', unlike the entry point"),
    "other kind": ("sampled=True", 'kind="shares"', "of the kind 'shares'"),
    "no explain": ("def explain", "def tell", "it has no explain"),
    "wants to be preferred": ("sampled=True", "why=lambda *_: 'best'", "taken by name alone"),
    "arguments": ("def refusal", "def __init__(self, needed): ...\n    def refusal", "loaded .TypeError"),
}


@pytest.mark.parametrize("fault", list(REPLACED))
def test_one_that_is_none_is_refused_with_its_package_and_what_is_wrong(site: Path, fault: str) -> None:
    old, new, told = REPLACED[fault]
    package = f"coin_{fault.replace(' ', '_')}"
    offer(site, package, "coin", COIN.replace(old, new))
    with pytest.raises(UsageError, match=rf"explainer 'coin' of the package {package} 1\.5 .*{told}"):
        check_methods(("coin",))


@pytest.mark.parametrize("name", ["shap_tree", "lime"])
def test_our_names_stay_ours_and_it_is_said(site: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    offer(site, "coin_claims", name, COIN.replace('name="coin"', f'name="{name}"'))
    check_methods((name,))
    assert f"{name} is interp-pipeline's own; the package coin_claims 1.5 offers another one, not used" in caplog.text
    assert load_explainer(name).method is OURS[name]
    assert packages_of([name]) == ()
    assert "that name is one of interp-pipeline's own" in list_methods()[-1].fault


@pytest.mark.parametrize("name", ["auto", "check"])
def test_names_that_mean_something_else_are_refused(site: Path, name: str) -> None:
    offer(site, "coin_word", name, COIN.replace('name="coin"', f'name="{name}"'))
    assert "that name is one of interp-pipeline's own" in list_methods()[-1].fault


def test_a_name_of_two_packages_is_used_of_neither(site: Path) -> None:
    offer(site, "coin_a", "coin", COIN)
    offer(site, "coin_b", "coin", COIN)
    with pytest.raises(UsageError, match=r"'coin' is offered by coin_[ab] 1\.5 and by coin_[ab] 1\.5: uninstall"):
        check_methods(("coin",))
    check_methods(("auto",))


def test_what_its_code_raises_is_not_laid_at_the_models_door(site: Path) -> None:
    torn = COIN.replace("        advance(len(rows))", "        raise KeyError('heads')")
    offer(site, "coin_raises", "coin", torn.replace("        return None", "        return 1 / 0"))
    with pytest.raises(ModelError, match=r"coin of the package coin_raises 1\.5 failed.*ZeroDivisionError"):
        load_explainer("coin").refusal(FEW, ExplainConfig())
    with pytest.raises(ModelError, match=r"in its own code or in the model's that it asks \(KeyError: 'heads'"):
        explain("coin", FEW, ROWS, ROWS, ExplainConfig())


UNLIKE = {
    "no errors": ("std_errors=np.abs(values) / 8,", "", "has no standard errors, and its method is sampled"),
    "not said to be sampled": (", sampled=True", "", "has standard errors, and its method is not sampled"),
    "not said to be weights": ("std_errors=", "local_r2=predictions, std_errors=", "is not of the kind shap"),
    "other method": ("method=self.method.name", "method='shap_exact'", "says it is by shap_exact"),
    "other rows": ("data=rows", "data=rows[::-1]", "is of other rows"),
    "other features": ("data=rows", "data=rows[list(rows)[::-1]]", "is of other features"),
    "other outputs": ("=model.output_names", "=('else',)", "is of other outputs"),
    "no explanation": ("return Explanation(", "return dict(", "gave no Explanation but a dict"),
}


@pytest.mark.parametrize("fault", list(UNLIKE))
def test_numbers_that_are_not_as_declared_are_refused(site: Path, fault: str) -> None:
    old, new, told = UNLIKE[fault]
    offer(site, f"coin_{fault.replace(' ', '_')}", "coin", COIN.replace(old, new))
    explainer = load_explainer("coin")
    given = explainer.explain(FEW, ROWS, ROWS, ExplainConfig(), lambda _rows: None)
    with pytest.raises(ModelError, match=rf"^coin.*{told}.*fault of its code"):
        require_as_declared(given, explainer.method, FEW, ROWS)


def test_what_is_as_declared_passes(site: Path) -> None:
    offer(site, "coin_kept", "coin", COIN)
    given = explain("coin", FEW, ROWS, ROWS, ExplainConfig())
    require_as_declared(given, load_explainer("coin").method, FEW, ROWS)
    np.testing.assert_allclose(given.base_values + given.values.sum(axis=1), given.predictions, atol=1e-12)
