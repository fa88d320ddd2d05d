"""Render the pages: words and numbers into templates, everything escaped, nothing loaded from anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from interp_pipeline.report.comparison_page import comparison_parts
from interp_pipeline.report.contents import with_contents
from interp_pipeline.report.explanation_page import explanation_parts
from interp_pipeline.report.one_row_page import one_row_parts

if TYPE_CHECKING:
    from interp_pipeline.report.content import ComparisonReport, ExplanationReport

__all__ = ["render_comparison_report", "render_explanation_report"]


def render_explanation_report(content: ExplanationReport) -> str:
    """The page about one explained model version, for a reader who does not train models.

    Args:
        content: all that is said; see ``ExplanationReport``.

    Returns:
        A complete HTML document with pictures inside, no script and no link to anything. Equal
        content gives equal text, byte for byte.
    """
    if len(content.shap.data) == 1:  # nothing of it is an average
        return _render("one_row.html.j2", one_row_parts(content))
    return _render("explanation.html.j2", explanation_parts(content))


def render_comparison_report(content: ComparisonReport) -> str:
    """The page about a comparison; like ``render_explanation_report``."""
    return _render("comparison.html.j2", comparison_parts(content))


def _render(template: str, parts: dict[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    loader = PackageLoader("interp_pipeline.report", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = Markup(loader.get_source(environment, "style.css")[0].rstrip())  # noqa: S704 - our own file, no user text
    return with_contents(environment.get_template(template).render(parts, style=style))
