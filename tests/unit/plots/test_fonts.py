"""Characters the base font lacks: drawn by another that is installed, else written so that names stay told apart."""

from __future__ import annotations

import logging
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from interp_pipeline.plots import fonts, importance, to_png
from interp_pipeline.plots.text import clean, text_width, wrap
from interp_pipeline.plots.theme import text_style

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

_NAME = "特征"


def _forget() -> None:
    for cached in (fonts.families, fonts._files, fonts._glyphs, clean, text_width, wrap):
        cached.cache_clear()  # type: ignore[attr-defined]  # all of them are caches
    fonts._lacking.clear()


@pytest.fixture(autouse=True)
def base_alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever this machine has, only the base font is known at first."""
    monkeypatch.setattr(fonts, "_FALLBACKS", ())
    _forget()
    yield
    monkeypatch.undo()
    _forget()


@pytest.fixture
def other_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A font of another script, installed: a wide block for each of its two characters."""
    pen = TTGlyphPen(None)
    for place in ((0, 0), (0, 900), (1900, 900), (1900, 0)):
        (pen.lineTo if place != (0, 0) else pen.moveTo)(place)
    pen.closePath()
    glyphs = dict.fromkeys((".notdef", "first", "second"), pen.glyph())
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(dict(zip(map(ord, _NAME), ("first", "second"), strict=True)))
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (2000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Blocks of a Script", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(tmp_path / "blocks.ttf")
    before = list(font_manager.fontManager.ttflist)
    font_manager.fontManager.addfont(tmp_path / "blocks.ttf")
    monkeypatch.setattr(fonts, "_FALLBACKS", ("Not Installed", "Blocks of a Script"))
    _forget()
    yield
    font_manager.fontManager.ttflist[:] = before


def _ink(text: str, *, bold: bool) -> int:
    """Dark pixels of a text."""
    figure = Figure(figsize=(3, 1), dpi=100)
    figure.text(0.02, 0.4, text, **text_style(20, bold=bold))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return int((np.asarray(canvas.buffer_rgba())[:, :, 0] < 128).sum())


@pytest.mark.usefixtures("other_font")
@pytest.mark.parametrize("bold", [False, True])
def test_a_character_of_another_script_is_drawn_by_an_installed_font(
    caplog: pytest.LogCaptureFixture, *, bold: bool
) -> None:
    assert clean(_NAME) == _NAME
    block = (20 / 72 * 100) ** 2 * 0.9 * 1.9  # pixels of one
    assert _ink(_NAME, bold=bold) == pytest.approx(2 * block, rel=0.1)
    assert text_width(_NAME, 20, bold=bold) == pytest.approx(2 * 2.0 * 20 / 72, rel=0.1)
    assert caplog.records == []  # that it has no bold face is nothing to tell anybody
    latin = text_width("a", 20, bold=bold)
    assert text_width(f"a{_NAME}", 20, bold=bold) == pytest.approx(latin + 2 * 2.0 * 20 / 72, rel=0.1)


def test_without_such_a_font_names_stay_told_apart_and_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="interp"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clean(_NAME) == r"\u7279\u5f81"
        assert clean("🎉") == r"\U0001f389"
        assert _ink(clean(_NAME), bold=False) > 0
    told = {id(record): record.levelname for record in caplog.records}  # handlers a command left may hand it on again
    assert list(told.values()) == ["WARNING"]  # once, not for every character
    assert r"such as 特 as \u7279; install a font of their script" in caplog.text


def test_the_base_font_is_the_one_that_matplotlib_ships() -> None:
    (regular,), (bold,) = (fonts._files(bold=face) for face in (False, True))
    assert regular.endswith("mpl-data/fonts/ttf/DejaVuSans.ttf")
    assert bold.endswith("mpl-data/fonts/ttf/DejaVuSans-Bold.ttf")


@pytest.mark.usefixtures("other_font")
def test_another_font_changes_nothing_of_what_the_base_font_draws(
    make_explanation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_it = to_png(importance(make_explanation(5, 2)))
    monkeypatch.setattr(fonts, "_FALLBACKS", ())
    _forget()
    assert to_png(importance(make_explanation(5, 2))) == with_it
