"""Self-contained HTML pages and short descriptions for readers who do not train models.

Computing and wording are apart: ``drivers``, ``decisions`` and ``reliability`` find numbers,
``sentences`` put them into words, ``pages`` put the words on a page.
"""

from interp_pipeline.report.comparison_description import describe_comparison
from interp_pipeline.report.content import ComparisonColumn, ComparisonReport, ExplanationReport
from interp_pipeline.report.description import describe_version
from interp_pipeline.report.pages import render_comparison_report, render_explanation_report

__all__ = [
    "ComparisonColumn",
    "ComparisonReport",
    "ExplanationReport",
    "describe_comparison",
    "describe_version",
    "render_comparison_report",
    "render_explanation_report",
]
