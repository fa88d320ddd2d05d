"""The configuration file and the INTERP_* variables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from interp_pipeline.config import CompareConfig, ExplainConfig, TrainConfig
from interp_pipeline.errors import UsageError
from interp_pipeline.tracking.sources.declared_data import DataDefault
from mlflow_plugin.settings import SelectSettings, WebhookSecrets, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from interp_pipeline.config import Config


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file that says something about everything."""
    path = tmp_path / "interp.toml"
    path.write_text(
        'tracking_uri = "http://mlflow:5000"\n'
        '[train]\nkind = "keras"\nhidden = [32, 16]\n'
        '[explain]\nrows = 50\nmethods = ["shap"]\nmax_error = 1\n'
        "[compare]\ntop_k = 3\n"
    )
    return path


def test_without_file_and_variables_everything_has_its_default() -> None:
    settings = load_settings(None, {})
    assert settings.tracking_uri is None
    assert TrainConfig.from_mapping(settings.train) == TrainConfig()
    assert ExplainConfig.from_mapping(settings.explain) == ExplainConfig()
    assert CompareConfig.from_mapping(settings.compare) == CompareConfig()


def test_the_file_gives_defaults_for_every_command(file: Path) -> None:
    settings = load_settings(str(file), {})
    assert settings.tracking_uri == "http://mlflow:5000"
    assert TrainConfig.from_mapping(settings.train) == TrainConfig(kind="keras", hidden=(32, 16))
    assert ExplainConfig.from_mapping(settings.explain) == ExplainConfig(rows=50, methods=("shap",), max_error=1)
    assert CompareConfig.from_mapping(settings.compare) == CompareConfig(top_k=3)


def test_variables_name_the_file_and_win_over_it(file: Path) -> None:
    variables = {"INTERP_CONFIG": str(file), "INTERP_TRACKING_URI": "sqlite:///other.db"}
    settings = load_settings(None, variables)
    assert settings.tracking_uri == "sqlite:///other.db"
    assert settings.explain["rows"] == 50


def test_the_option_wins_over_the_variable(file: Path, tmp_path: Path) -> None:
    assert load_settings(str(file), {"INTERP_CONFIG": str(tmp_path / "nothere.toml")}).compare == {"top_k": 3}


def test_the_environment_of_the_process_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTERP_CONFIG", str(file))
    assert load_settings(None).train["kind"] == "keras"


def test_settings_cannot_be_changed(file: Path) -> None:
    with pytest.raises(TypeError):
        load_settings(str(file), {}).train["kind"] = "random_forest"  # type: ignore[index]  # that is the point


def test_a_mark_before_the_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "interp.toml").write_text("[explain]\nrows = 50\n", encoding="utf-8-sig")
    assert load_settings(str(tmp_path / "interp.toml"), {}).explain["rows"] == 50


def test_what_would_never_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    for name, says in {
        "link": "is a link that leads back to itself",
        "pipe": "is a pipe, which is not read",
        "/dev/zero": "is a device, which is not read",
        "": "is a folder; name the TOML file in it",
    }.items():
        with pytest.raises(UsageError, match=says):
            load_settings(str(tmp_path / name), {})
        with pytest.raises(UsageError, match=r"INTERP_WEBHOOK_SECRET_FILE names .*, which cannot be read: "):
            load_settings(None, {"INTERP_WEBHOOK_SECRET_FILE": str(tmp_path / name)})


FAULTS = [
    ("a number without end", f"[explain]\nrows = 0x{'f' * 4000}", "it holds a whole number of more than 64 bits"),
    ("a decimal number without end", f"[explain]\nrows = {'9' * 5000}", "interp.toml is not a TOML file: "),
    ("nested", f"explain = {'[' * 5000}", "interp.toml is not a TOML file: it is nested too deeply"),
    ("nested by dots", f"[explain.{'a.' * 900}b]", "interp.toml is not a TOML file: it is nested too deeply"),
    ("too large", "# x\n" * 100_000, "interp.toml is not a TOML file: it is larger than 256 KiB"),
    ("broken", "[explain", "interp.toml is not a TOML file: "),
    ("unknown key", "rows = 3", "unknown rows; known: tracking_uri, jobs_uri, [train], [explain]"),
    ("unknown section", "[explian]\nrows = 3", "unknown explian"),
    ("no section", "explain = 3", "interp.toml: explain must be a section, [explain], not 3"),
    ("address of a wrong type", "tracking_uri = 5000", "interp.toml: tracking_uri must be a text, not 5000"),
    ("unknown option", "[explain]\nrowz = 3", "interp.toml, section [explain]: unknown option rowz; known: rows, "),
    ("text for a number", '[explain]\nrows = "three"', "[explain]: rows must be a whole number, not 'three'"),
    ("fraction", "[explain]\nrows = 2.5", "[explain]: rows must be a whole number, not 2.5"),
    ("truth for a number", "[explain]\nrows = true", "[explain]: rows must be a whole number, not True"),
    ("out of range", "[compare]\nrows = 0", "[compare]: rows must be at least 1, not 0"),
    ("number for a text", "[train]\nkind = 3", "[train]: kind must be a text, not 3"),
    ("unknown kind", '[train]\nkind = "svm"', "[train]: kind must be one of random_forest, keras, not 'svm'"),
    ("number for a list", "[train]\nhidden = 64", "[train]: hidden must be a list of whole numbers, not 64"),
    ("text in a list", '[train]\nhidden = [64, "x"]', "hidden must be a list of whole numbers, not [64, 'x']"),
    ("text for a list", '[explain]\nmethods = "shap"', "[explain]: methods must be a list of texts, not 'shap'"),
    ("seed too large", "[train]\nseed = 4294967296", "seed must lie between 0 and 4294967295"),
    ("no time", "[explain]\nmax_seconds = 0", "max_seconds must be greater than 0, not 0"),
    ("endless time", "[explain]\nmax_error = inf", "max_error must be greater than 0, not inf"),
    (
        "a lease too short",
        "[worker]\nlease_s = 30",
        "[worker]: lease_s must be at least twice heartbeat_s, not 30 with 20",
    ),
    ("no attempt", "[worker]\nattempts = 0", "[worker]: attempts must be at least 1, not 0"),
    ("no limit", "[sandbox]\nmax_memory_gb = inf", "[sandbox]: max_memory_gb must be greater than 0, not inf"),
    (
        "unknown mode",
        '[sandbox]\nmode = "on"',
        "[sandbox]: mode must be one of required, auto, off, required:abi=1 to required:abi=7, not 'on'",
    ),
    ("a least ABI for auto", '[sandbox]\nmode = "auto:abi=4"', "[sandbox]: mode must be one of required, auto, off, "),
    ("an ABI nobody knows", '[sandbox]\nmode = "required:abi=04"', "to required:abi=7, not 'required:abi=04'"),
    ("data for no model", '[[data]]\nrows = "rows.csv"', "[data]: option models is missing"),
    ("data as one section", '[data]\nmodels = "a"', "data must be a list of sections, [[data]], not {'models': 'a'}"),
]


@pytest.mark.parametrize(("text", "fragment"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_faults_of_the_file_are_named_with_their_place(tmp_path: Path, text: str, fragment: str) -> None:
    path = tmp_path / "interp.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_settings(str(path), {})
    assert fragment in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no configuration file .*nothere\.toml; give another with --config"):
        load_settings(str(tmp_path / "nothere.toml"), {})
    with pytest.raises(UsageError, match="is a folder; name the TOML file in it"):
        load_settings(str(tmp_path), {})
    (tmp_path / "latin.toml").write_bytes(b'tracking_uri = "caf\xe9"')
    with pytest.raises(UsageError, match=r"latin\.toml is not a TOML file"):
        load_settings(str(tmp_path / "latin.toml"), {})


@pytest.mark.parametrize("config", [TrainConfig, ExplainConfig, CompareConfig])
def test_a_configuration_survives_the_way_through_a_mapping(config: type[Config]) -> None:
    assert config.from_mapping(config().to_dict()) == config()


def test_a_worker_reads_its_sections(tmp_path: Path) -> None:
    path = tmp_path / "interp.toml"
    path.write_text(
        'jobs_uri = "postgresql://db/jobs"\n'
        "[worker]\nscan_every_s = 5\n"
        '[select]\nmodels = ["credit-*"]\nnewest = 3\n'
        '[sources]\nallow = ["s3://background/"]\n'
        '[sandbox]\nmode = "off"\n'
        '[[data]]\nmodels = "credit-*"\nbackground = "s3://background/credit.csv"\n'
    )
    settings = load_settings(str(path), {"INTERP_SANDBOX": "required"})
    assert settings.worker.scan_every_s == 5
    assert settings.select == SelectSettings(models=("credit-*",), newest=3)
    assert settings.sources.allow == ("s3://background/",)
    assert (settings.sandbox.layers, settings.sandbox.least_abi) == ("required", 1)
    assert settings.data == (DataDefault(models="credit-*", background="s3://background/credit.csv"),)
    assert settings.jobs_uri_for("http://mlflow:5000") == "postgresql://db/jobs"


def test_the_variable_of_the_sandbox_takes_a_least_abi_and_keeps_what_the_file_says_beside(tmp_path: Path) -> None:
    path = tmp_path / "interp.toml"
    path.write_text('[sandbox]\nmode = "required:abi=2"\nmax_seconds = 5\nreadable = ["/opt/lib"]\n')
    assert load_settings(str(path), {}).sandbox.least_abi == 2
    settings = load_settings(str(path), {"INTERP_SANDBOX": "required:abi=6"}).sandbox
    assert (settings.layers, settings.least_abi, settings.max_seconds) == ("required", 6, 5)
    assert settings.readable == ("/opt/lib",)
    with pytest.raises(UsageError, match=r"^INTERP_SANDBOX: mode must be one of .*, not 'required:abi=x'$"):
        load_settings(str(path), {"INTERP_SANDBOX": "required:abi=x"})


def test_each_store_has_a_job_table_of_its_own_wherever_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(None, {"XDG_STATE_HOME": "/state"})
    monkeypatch.chdir(tmp_path)
    relative = settings.jobs_uri_for("sqlite:///mlflow.db")
    assert relative == settings.jobs_uri_for(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert relative.startswith("sqlite:////state/interp-pipeline/jobs-")
    server = settings.jobs_uri_for("http://mlflow:5000")
    assert server == settings.jobs_uri_for("http://mlflow:5000/")
    assert server != relative


def test_secrets_come_from_variables_or_files_and_are_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("new-one\n")
    variables = {"INTERP_WEBHOOK_SECRET_FILE": str(file), "INTERP_WEBHOOK_SECRET_PREVIOUS": "old-one"}
    settings = load_settings(None, {**variables, "INTERP_JOBS_URI": "postgresql://me:hidden@db/jobs"})
    assert settings.webhook_secrets == WebhookSecrets(current="new-one", previous="old-one")
    for secret in ("new-one", "old-one", "hidden"):
        assert secret not in repr(settings)
    with pytest.raises(
        UsageError, match=r"INTERP_WEBHOOK_SECRET_FILE names .*gone, which cannot be read: No such file"
    ):
        load_settings(None, {"INTERP_WEBHOOK_SECRET_FILE": str(tmp_path / "gone")})
