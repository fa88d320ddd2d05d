"""The options of the ``interp`` command: what is refused before anything is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from harness.command_line import interp
from mlflow import MlflowClient

_URI = "models:/loans/1"

REFUSED = [
    ("unknown command", "nonsense", "no such command 'nonsense'; see: interp --help"),
    ("unknown option", "train --nonsense 3", "no such option"),
    ("option without value", f"explain {_URI} --rows", "option '--rows' requires an argument"),
    ("no version", "explain", "missing argument 'MODEL_URI...'; see: interp explain --help"),
    ("unknown kind", "train --kind svm", "'svm' is not one of 'random-forest', 'keras'; see: interp train --help"),
    ("unknown task", "train --task guess", "'guess' is not one of 'binary', 'multiclass', 'regression'"),
    ("unknown log format", "train --log-format xml", "'xml' is not one of 'text', 'json'"),
    ("text for a number", "train --n-estimators many", "'many' is not a valid integer"),
    ("no trees", "train --n-estimators 0", "n_estimators must be at least 1, not 0"),
    ("no depth", "train --max-depth 0", "max_depth must be at least 1, not 0"),
    ("negative seed", "train --seed -1", "seed must lie between 0 and 4294967295, not -1"),
    ("seed too large", "train --seed 4294967296", "seed must lie between 0 and 4294967295"),
    ("layers as text", "train --kind keras --hidden 64,x", "--hidden '64,x': write the units of each layer"),
    ("no layers", "train --kind keras --hidden ''", "--hidden '': write the units of each layer"),
    ("empty layer", "train --kind keras --hidden 64,0", "hidden must be at least 1, not 0"),
    ("layers of a forest", "train --hidden 64", "--hidden is an option of keras models; see --kind"),
    (
        "trees of a network",
        "train --kind keras --n-estimators 5",
        "--n-estimators is an option of random forest models",
    ),
    ("name with a slash", "train --name a/b", "'a/b' cannot name a registered model"),
    ("name with a colon", "train --name a:b", "'a:b' cannot name a registered model"),
    ("name with an at sign", "train --name a@b", "'a@b' cannot name a registered model"),
    ("empty name", "train --name ''", "'' cannot name a registered model"),
    ("blank name", "train --name ' '", "' ' cannot name a registered model"),
    ("name of two lines", "train --name 'a\nb'", r"'a\nb' cannot name a registered model: use a name in one line"),
    ("name too long", f"train --name {'x' * 251}", "a registered model's name has at most 250 characters"),
    ("no rows", f"explain {_URI} --rows 0", "rows must be at least 1, not 0"),
    ("unknown method", f"explain {_URI} --methods magic", "there is no explainer 'magic'; choose among auto, shap, "),
    (
        "LIME in a folder",
        f"explain {_URI} --methods lime --output-dir new",
        "with --no-publish in place of --output-dir",
    ),
    ("one unknown method", f"explain {_URI} --methods shap,magic", "there is no explainer 'magic'"),
    ("no method", f"explain {_URI} --methods ''", "methods is empty"),
    ("no time", f"explain {_URI} --max-seconds 0", "max_seconds must be greater than 0, not 0"),
    ("no kernel", f"explain {_URI} --lime-kernel-width 0", "lime_kernel_width must be greater than 0, not 0"),
    ("no LIME features", f"explain {_URI} --lime-features 0", "lime_features must be at least 1, not 0"),
    ("no LIME samples", f"explain {_URI} --lime-samples 0", "lime_samples must be at least 1, not 0"),
    ("negative error", f"explain {_URI} --max-error -1", "max_error must be greater than 0, not -1"),
    ("second URI malformed", f"explain {_URI} loans", "'loans' is not a model URI"),
    ("one version", f"compare {_URI}", "a comparison needs two versions or more"),
    ("no comparison rows", f"compare {_URI} {_URI} --rows 0", "rows must be at least 1, not 0"),
    ("no top list", f"compare {_URI} {_URI} --top-k 0", "top_k must be at least 1, not 0"),
    ("no comparison time", f"compare {_URI} {_URI} --max-seconds 0", "max_seconds must be greater than 0, not 0"),
    ("no comparison error", f"compare {_URI} {_URI} --max-error 0", "max_error must be greater than 0, not 0"),
    ("no comparison cost", f"compare {_URI} {_URI} --max-evaluations 0", "max_evaluations must be at least 1, not 0"),
    ("no background", f"compare {_URI} {_URI} --background-rows 0", "background_rows must be at least 1, not 0"),
    ("comparison seed", f"compare {_URI} {_URI} --seed -1", "seed must lie between 0 and 4294967295, not -1"),
    ("no such config file", f"explain {_URI} --config nothere.toml", "there is no configuration file nothere.toml"),
]


@pytest.mark.parametrize(("command", "fragment"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_wrong_calls_are_refused_in_one_line_before_anything_is_done(
    tmp_path: Path, command: str, fragment: str
) -> None:
    outcome = interp(command)
    assert outcome.require_error(2, fragment) == outcome.stderr.strip()
    assert list(tmp_path.iterdir()) == []  # not even the database of a new store


def test_a_wrong_key_of_the_file_is_refused_with_the_file(tmp_path: Path) -> None:
    (tmp_path / "interp.toml").write_text("[train]\ntrees = 5\n")
    interp("train --config interp.toml").require_error(2, "interp.toml, section [train]: unknown option trees; known: ")


def test_the_file_chooses_the_kind_where_the_command_line_does_not(tmp_path: Path) -> None:
    (tmp_path / "interp.toml").write_text('[train]\nkind = "keras"\n')
    interp("train --config interp.toml --max-depth 3").require_error(2, "--max-depth is an option of random forest")
    interp("train --config interp.toml --kind random-forest --epochs 3").require_error(
        2, "--epochs is an option of keras"
    )


def test_help_names_every_command_and_the_defaults() -> None:
    assert {"train", "explain", "compare"} <= set(interp("--help").require_done().split())
    assert "[default: random-forest]" in interp("train --help").require_done()
    assert interp("--version").require_done().startswith("interp, version ")


def test_without_a_command_it_shows_its_help_and_fails() -> None:
    outcome = interp("")
    assert outcome.code == 2
    assert outcome.stderr.startswith("Usage: interp [OPTIONS] COMMAND")


def test_a_failure_in_json_is_one_event() -> None:
    outcome = interp("explain nonsense --log-format json")
    assert outcome.code == 2
    event = json.loads(outcome.stderr)
    assert event["level"] == "error"
    assert event["event"].startswith("error: 'nonsense' is not a model URI")


def test_status_says_where_nothing_has_scanned_the_registry() -> None:
    MlflowClient(f"sqlite:///{Path('mlflow.db').resolve()}").search_experiments()  # makes the store
    unscanned = "No worker has scanned this registry yet"
    assert unscanned in interp("status").stdout
    assert "0 versions registered" in interp("reconcile").stdout
    after = interp("status").stdout
    assert unscanned not in after
    assert "last scan of the registry: " in after
