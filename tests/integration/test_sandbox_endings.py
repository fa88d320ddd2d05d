"""Models that do not end as they should: what the job is told, and that nothing is left."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from harness.hostile_endings import ENDINGS
from harness.hostile_models import ANSWERS, answers_a_table, copies_its_files, rows, save
from harness.sandboxed import explain_in, processes_of_session, wait_until

from interp_pipeline.errors import ModelError, ModelProcessError
from mlflow_plugin.sandbox import Cancelled, Limits, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_LIMITS = Limits(
    wall_s=40, cpu_s=20, memory_bytes=1 << 30, disk_bytes=1 << 26, output_bytes=1 << 26, files=2000, threads=200
)

_ENDS = {
    "allocates_without_end": ("out_of_memory", "memory"),
    "allocates_beside_python": ("out_of_memory", "SIGABRT for want of memory"),
    "exits_with_zero": ("crashed", "ended without an answer, with exit code 0"),
    "exits_with_three": ("crashed", r"exit code 3 \(it printed last: an evil last line  \[2J\)"),
    "segfaults": ("crashed", r"SIGSEGV \(it printed last: going down\)"),
    "prints_a_gigabyte": ("crashed", r"exit code 4 \(it printed last: the end\)"),
    "floods_events": ("crashed", "sent more progress than anybody could read"),
    "fills_the_disk": ("crashed", "wrote more than 0.0625 GiB to disk"),
    "fills_the_disk_unseen": ("crashed", "wrote more than 0.0625 GiB to disk"),
    "sets_room_aside_unseen": ("crashed", "wrote more than 0.0625 GiB to disk"),
    "hoards_without_its_first_thread": ("out_of_memory", "used more than 1 GiB of memory"),
    "fills_page_tables": ("out_of_memory", "used more than 1 GiB of memory"),
    "makes_files_without_end": ("crashed", "made more than 2000 files"),
    "nests_folders": ("crashed", "made more than 2000 files or nested them too deeply|exit code 6"),
    "starts_threads_without_end": ("crashed", "started more than 200 threads"),
}
_ANSWERED = {
    "raises_system_exit": "its code ended the process",
    "says_that_it_is_done": "left no answer",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(mode="required", limits=_LIMITS) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each model its process is gone, the fork server is alone and alive, and the disk is clean."""
    if "sandbox" not in request.fixturenames:
        yield
        return
    running: Sandbox = request.getfixturevalue("sandbox")
    before = running.server_pid
    yield
    assert running.server_pid is not None
    assert before in {None, running.server_pid}
    assert processes_of_session(running.server_pid) == set()
    assert running._home is not None
    assert list(running._home.glob("child-*")) == []


@pytest.mark.parametrize("name", list(_ENDS))
def test_a_process_that_ends_badly_says_how(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    kind, words = _ENDS[name]
    with pytest.raises(ModelProcessError, match=words) as caught:
        explain_in(sandbox, save(tmp_path / "m", ENDINGS[name]), rows())
    assert caught.value.kind == kind
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", list(_ANSWERED))
def test_a_model_that_ends_its_process_politely_cannot_be_explained(
    name: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=_ANSWERED[name]):
        explain_in(sandbox, save(tmp_path / "m", ENDINGS[name]), rows())


@pytest.fixture(scope="module")
def hasty() -> Iterator[Sandbox]:
    with Sandbox(mode="required", limits=Limits(wall_s=8, cpu_s=1)) as running:
        yield running


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sleeps_for_ever", "had not finished after 8 s"),
        ("ignores_sigterm", "had not finished after 8 s"),
        ("burns_processor_time", "had used 1 s of processor time"),
    ],
)
def test_time_runs_out_for_who_never_ends(name: str, words: str, hasty: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ModelProcessError, match=words) as caught:
        explain_in(hasty, save(tmp_path / "m", ENDINGS[name]), rows())
    assert caught.value.kind == "out_of_time"
    assert hasty.server_pid is not None
    assert processes_of_session(hasty.server_pid) == set()


def test_an_answer_beyond_its_size_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    model = save(tmp_path / "m", ENDINGS["answers_with_a_gigabyte"], answer=str(answer))
    with pytest.raises(ModelProcessError, match="134217728 bytes; 67108864 are allowed"):
        explain_in(sandbox, model, rows(), answer=answer)


def test_nothing_but_plain_files_is_left_in_an_answer(sandbox: Sandbox, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("{}")
    answer = tmp_path / "answer"
    model = save(tmp_path / "m", ENDINGS["litters_the_answer"], answer=str(answer), target=str(outside))
    with pytest.raises(ModelError, match="left no answer"):
        explain_in(sandbox, model, rows(), answer=answer)
    assert list(answer.iterdir()) == []
    assert outside.read_text() == "{}"


_NO_ANSWERS = {
    "answers_nan": "the model's answer for row .* is not a finite number; give rows it can answer, or fill the values",
    "answers_infinity": "the model's answer for row .* is not a finite number",
    "answers_too_few": "the model gives 29 answers for 30 rows; it must give one for each row",
    "answers_three_dimensions": "answers with an array of 3 dimensions; each row needs one number, or one an output",
    "answers_objects": "answers with values of the kind object; numbers are needed, or labels of one kind",
    "answers_nothing": "answers with an array of 0 dimensions; each row needs one number, or one an output",
}


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {"answers_text"}))
def test_an_answer_that_is_none_cannot_be_explained(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=_NO_ANSWERS[name]):
        explain_in(sandbox, save(tmp_path / "m", ANSWERS[name]), rows())


def test_texts_are_labels_and_are_not_believed_to_be_more(sandbox: Sandbox, tmp_path: Path) -> None:
    labelled = explain_in(sandbox, save(tmp_path / "m", ANSWERS["answers_text"]), rows())
    assert labelled.shap is not None
    assert labelled.shap.output_names == ("<script>",)


@pytest.mark.parametrize("behave", [answers_a_table, copies_its_files])
def test_a_decent_model_is_explained(behave: Callable[..., object], sandbox: Sandbox, tmp_path: Path) -> None:
    explained = explain_in(sandbox, save(tmp_path / "m", behave), rows())
    assert explained.shap is not None
    assert explained.checks["additivity_error"] < 1e-9


_BEGINS = "Loading the model"  # the first a child says


class _Heard:
    """A progress listener that remembers, and may raise once the child is at work."""

    def __init__(self, *, raises: bool = False) -> None:
        self.said: list[str] = []
        self.raises = raises

    @contextmanager
    def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
        del total
        self.said.append(stage)
        if self.raises and stage == _BEGINS:
            raise KeyboardInterrupt
        yield lambda _steps: None

    def say(self, message: str) -> None:
        self.said.append(message)


def test_progress_comes_through(sandbox: Sandbox, tmp_path: Path) -> None:
    heard = _Heard()
    explain_in(sandbox, save(tmp_path / "m", answers_a_table), rows(), progress=heard)
    assert _BEGINS in heard.said
    assert any(re.match(r"Explaining \d+ rows with shap_exact", line) for line in heard.said)


def test_what_only_the_first_child_waits_for_is_said(tmp_path: Path) -> None:
    first, second = _Heard(), _Heard()
    with Sandbox(mode="required") as fresh:
        for name, heard in (("m", first), ("n", second)):
            libraries = ("python_function", "sklearn")
            explain_in(fresh, save(tmp_path / name, answers_a_table), rows(), libraries=libraries, progress=heard)
    assert first.said[:3] == ["Starting the sandbox", "Loading sklearn into the sandbox", _BEGINS]
    assert second.said == first.said[2:]


def test_a_child_is_ended_when_cancelled(sandbox: Sandbox, tmp_path: Path) -> None:
    called, running, model = [], threading.Event(), save(tmp_path / "m", ENDINGS["sleeps_for_ever"])

    class Listening(_Heard):
        def say(self, message: str) -> None:
            super().say(message)

        @contextmanager
        def track(self, stage: str, total: int) -> Iterator[Callable[[int], None]]:
            if stage == _BEGINS:
                running.set()
            with super().track(stage, total) as advance:
                yield advance

    def cancelled() -> bool:
        called.append(time.monotonic())
        return running.is_set() and len(called) > 5

    with pytest.raises(Cancelled):
        explain_in(sandbox, model, rows(), cancelled=cancelled, progress=Listening())


def test_a_child_is_gone_however_its_worker_stops_waiting(tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM raise in the worker, wherever it is."""
    with Sandbox(mode="required") as interrupted:
        with pytest.raises(KeyboardInterrupt):
            explain_in(
                interrupted, save(tmp_path / "m", ENDINGS["sleeps_for_ever"]), rows(), progress=_Heard(raises=True)
            )
        wait_until(lambda: interrupted.server_pid is None)
        explained = explain_in(interrupted, save(tmp_path / "n", answers_a_table), rows())
        assert explained.shap is not None
