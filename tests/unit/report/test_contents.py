"""The table of contents leads to every section, and every heading has an anchor of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from interp_pipeline.report import render_explanation_report
from interp_pipeline.report.contents import PLACE, with_contents

if TYPE_CHECKING:
    from interp_pipeline.report import ExplanationReport


def _links(page: str) -> dict[str, str]:
    return dict(re.findall(r'<li><label for="at-([^"]*)">([^<]*)</label></li>', page))


def test_every_section_of_the_report_is_led_to(content: ExplanationReport) -> None:
    page = render_explanation_report(content)
    links = _links(page)
    headings = dict(re.findall(r'<h2 id="([^"]*)"><input [^>]*>([^<]*)</h2>', page))
    assert links == headings
    assert list(links)[:3] == ["what-the-model-predicts", "how-well-it-does", "what-drives-it"]
    assert re.findall(r"<h2>([^<]*)</h2>", page) == ["In short"]  # it stands before the contents
    anchors = re.findall(r' id="([^"]*)"', page)
    assert len(anchors) == len(set(anchors))
    assert {"row-100", "row-119", "all-features"} <= set(anchors)
    assert {f"at-{anchor}" for anchor in links} <= set(anchors)
    assert PLACE not in page


def test_titles_of_any_kind_get_anchors_of_their_own() -> None:
    titles = ["All features", "All features", "特征", "&lt;b&gt; v1", "All features 2"]
    page = with_contents(f"<h2>before</h2>{PLACE}" + "".join(f"<h2>{title}</h2>" for title in titles))
    anchors = ["all-features", "all-features-2", "section", "b-v1", "all-features-2-2"]
    assert _links(page) == dict(zip(anchors, titles, strict=True))
    assert page.startswith("<h2>before</h2><nav")
