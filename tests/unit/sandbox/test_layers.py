from __future__ import annotations

import re
from pathlib import Path

import pytest

from interp_pipeline.errors import UsageError
from mlflow_plugin.sandbox import Sandbox
from mlflow_plugin.sandbox.landlock import SINCE_LINUX
from mlflow_plugin.sandbox.layers import ALWAYS, BY_KERNEL, choose_layers, working_here
from mlflow_plugin.settings import SandboxSettings

_ALL = dict.fromkeys(BY_KERNEL, True)


def test_required_takes_all_layers() -> None:
    assert choose_layers("required", _ALL, abi=7) == dict.fromkeys((*ALWAYS, *BY_KERNEL), True)


@pytest.mark.parametrize("missing", BY_KERNEL)
def test_required_refuses_to_go_without_one(missing: str) -> None:
    with pytest.raises(UsageError, match=rf"lacks a layer on this machine: {missing}.*INTERP_SANDBOX=auto"):
        choose_layers("required", {**_ALL, missing: False}, abi=7)


def test_a_refusal_names_every_layer_that_is_missing() -> None:
    with pytest.raises(UsageError, match=re.compile(r"landlock \(it needs Linux 5\.13.*seccomp \(it needs", re.DOTALL)):
        choose_layers("required", {**_ALL, "landlock": False, "seccomp": False}, abi=0)


def test_required_takes_a_least_abi() -> None:
    assert choose_layers("required", _ALL, abi=4, least_abi=4)["landlock"]
    words = (
        r"Landlock's ABI 2 on .*required:abi=6, asks for 6, which came with Linux 6\.12.*INTERP_SANDBOX=required:abi=2"
    )
    with pytest.raises(UsageError, match=words):
        choose_layers("required", _ALL, abi=2, least_abi=6)


def test_landlock_that_is_not_there_is_not_called_old() -> None:
    with pytest.raises(UsageError, match="lacks a layer on this machine: landlock"):
        choose_layers("required", {**_ALL, "landlock": False}, abi=0, least_abi=6)


def test_every_abi_that_can_be_required_is_known() -> None:
    for abi in SINCE_LINUX:
        assert SandboxSettings(mode=f"required:abi={abi}").least_abi == abi
    with pytest.raises(UsageError, match="mode must be one of"):
        SandboxSettings(mode=f"required:abi={max(SINCE_LINUX) + 1}")


def test_auto_takes_what_there_is_and_says_so() -> None:
    layers = choose_layers("auto", {**_ALL, "landlock": False}, abi=0)
    assert [name for name, on in layers.items() if not on] == ["landlock"]


def test_off_is_still_a_process_of_its_own_without_credentials() -> None:
    layers = choose_layers("off", _ALL, abi=7)
    assert [name for name, on in layers.items() if on] == list(ALWAYS)


def test_asking_what_works_changes_nothing() -> None:
    before = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    assert set(working_here()) == set(BY_KERNEL)
    after = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    for name in ("NoNewPrivs", "Seccomp", "CapPrm"):
        held = [re.search(rf"{name}:\s+(\S+)", text) for text in (before, after)]
        assert held[0] is not None
        assert held[1] is not None
        assert held[0][1] == held[1][1]


def test_a_sandbox_is_used_in_a_with_block(tmp_path: Path) -> None:
    from interp_pipeline.progress import SilentProgress

    with pytest.raises(RuntimeError, match="with block"):
        Sandbox(mode="off").run(tmp_path, tmp_path, tmp_path, [], cancelled=lambda: False, progress=SilentProgress())


def test_what_holds_models_stands_in_the_log_and_in_the_metrics(caplog: pytest.LogCaptureFixture) -> None:
    from mlflow_plugin.cli.worker import _tell_layers
    from mlflow_plugin.metrics import Metrics

    sandbox, metrics = Sandbox(mode="auto"), Metrics()
    sandbox.landlock_abi = 4
    with caplog.at_level("INFO", "interp.worker"):
        _tell_layers(sandbox, metrics)
    assert "session, rlimits, capabilities, no_new_privs, landlock, seccomp (Landlock's ABI 4)" in caplog.text
    assert b"interp_sandbox_landlock_abi 4.0" in metrics.exposition()
    assert b'interp_sandbox_layer{layer="landlock"} 1.0' in metrics.exposition()


def test_layers_that_are_lacking_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    from mlflow_plugin.cli.worker import _tell_layers
    from mlflow_plugin.metrics import Metrics

    _tell_layers(Sandbox(mode="off"), Metrics())
    assert "and not by rlimits, capabilities, no_new_privs, landlock, seccomp" in caplog.text
    assert [record.levelname for record in caplog.records] == ["WARNING"]
