"""No name of a stranger turns a line of a log around, forges one, or moves a terminal's cursor."""

from __future__ import annotations

import json
import logging

import pytest

from interp_pipeline.command.log_lines import configure_logging
from interp_pipeline.command.one_line_errors import run_guarded
from interp_pipeline.errors import ModelError
from interp_pipeline.plain_text import plain, shown

_NAME = "a\u200fb\u202ec\x1b[2Jd\nerror: e\u2028f\x85g\ud800h\U000e0041i\u2066j\x7f"
_SHOWN = r"a\u200fb\u202ec\u001b[2Jd\nerror: e\u2028f\u0085g\ud800h\udb40\udc41i\u2066j\u007f"


def test_what_cannot_be_seen_is_written_as_a_number() -> None:
    assert plain(_NAME) == _SHOWN
    assert plain("a\nb\u200fc", "\n") == "a\nb\\u200fc"
    for text in ("", "plain", "größer als 5 °C", "特征 🎉", "שלום", "12\N{NO-BREAK SPACE}000"):
        assert plain(text) == text


def test_a_line_of_text_holds_no_mark(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text")
    logging.getLogger("interp.worker").warning("models:/%s/1", _NAME)
    assert capsys.readouterr().err == f"models:/{_SHOWN}/1\n"


def test_a_traceback_keeps_its_lines_and_no_mark(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text")
    logging.getLogger("interp.worker").error("it failed", exc_info=ValueError(_NAME))
    said = capsys.readouterr().err
    assert said.startswith("it failed\nValueError: ")
    assert said.replace("\n", "").isprintable()


def test_a_line_of_json_holds_no_mark_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    try:
        logging.getLogger("interp.worker").warning("models:/%s/1", _NAME, extra={"fields": {"model": _NAME}})
        (line,) = capsys.readouterr().err.splitlines()
        assert line.isprintable()
        assert (json.loads(line)["event"], json.loads(line)["model"]) == (f"models:/{_NAME}/1", _NAME)
    finally:
        configure_logging("text")


def test_an_error_of_a_command_holds_no_mark(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("text")

    def fail() -> None:
        raise ModelError(_NAME)

    with pytest.raises(SystemExit):
        run_guarded(fail)
    said = capsys.readouterr().err
    assert said.endswith("\n")
    assert said[:-1].isprintable()


def test_shown_is_short_and_one_line() -> None:
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 500)) == 120
