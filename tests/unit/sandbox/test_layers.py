from __future__ import annotations

import re
from pathlib import Path

import pytest

from interp_pipeline.errors import UsageError
from mlflow_plugin.sandbox import Sandbox
from mlflow_plugin.sandbox.layers import ALWAYS, BY_KERNEL, choose_layers, working_here

_ALL = dict.fromkeys(BY_KERNEL, True)


def test_required_takes_all_layers() -> None:
    assert choose_layers("required", _ALL) == dict.fromkeys((*ALWAYS, *BY_KERNEL), True)


@pytest.mark.parametrize("missing", BY_KERNEL)
def test_required_refuses_to_go_without_one(missing: str) -> None:
    with pytest.raises(UsageError, match=rf"lacks a layer on this machine: {missing}.*INTERP_SANDBOX=auto"):
        choose_layers("required", {**_ALL, missing: False})


def test_a_refusal_names_every_layer_that_is_missing() -> None:
    with pytest.raises(UsageError, match=re.compile(r"landlock \(it needs Linux 5\.13.*seccomp \(it needs", re.DOTALL)):
        choose_layers("required", {**_ALL, "landlock": False, "seccomp": False})


def test_auto_takes_what_there_is_and_says_so() -> None:
    layers = choose_layers("auto", {**_ALL, "landlock": False})
    assert [name for name, on in layers.items() if not on] == ["landlock"]


def test_off_is_still_a_process_of_its_own_without_credentials() -> None:
    layers = choose_layers("off", _ALL)
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
