"""Explanations, training results and comparisons as figures: one file per plot, one visual language.

Compute first, draw second: every function takes finished numbers and returns a new
``matplotlib.figure.Figure``; none touches pyplot, shows anything or changes a global setting.
Importing this package does not import matplotlib; the first plot does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp_pipeline.plots.beeswarm_plot import beeswarm
    from interp_pipeline.plots.comparison_plots import agreement_matrix, disagreement, rank_flow, shift
    from interp_pipeline.plots.confusion_plot import confusion_matrix
    from interp_pipeline.plots.dependence_plot import dependence
    from interp_pipeline.plots.epochs_plot import epochs
    from interp_pipeline.plots.files import to_png
    from interp_pipeline.plots.heatmap_plot import heatmap
    from interp_pipeline.plots.importance_plot import importance
    from interp_pipeline.plots.interactions_plot import interactions
    from interp_pipeline.plots.lime_plot import lime
    from interp_pipeline.plots.residuals_plot import residuals
    from interp_pipeline.plots.waterfall_plot import waterfall

__all__ = [
    "agreement_matrix",
    "beeswarm",
    "confusion_matrix",
    "dependence",
    "disagreement",
    "epochs",
    "heatmap",
    "importance",
    "interactions",
    "lime",
    "rank_flow",
    "residuals",
    "shift",
    "to_png",
    "waterfall",
]

# Modules carry other names than their functions: importing a submodule binds its name here.
_MODULES = {
    **dict.fromkeys(("agreement_matrix", "disagreement", "rank_flow", "shift"), "comparison_plots"),
    "confusion_matrix": "confusion_plot",
    "to_png": "files",
}


def __getattr__(name: str) -> Any:
    """Import a plot's module when it is first asked for."""
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}"
        raise AttributeError(msg)
    module = import_module(f"{__name__}.{_MODULES.get(name, f'{name}_plot')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    """The plots, for completion in notebooks."""
    return sorted(__all__)
