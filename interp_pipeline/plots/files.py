"""A figure as a file: the same bytes for the same figure."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["to_png"]


def to_png(figure: Figure, *, dpi: int = 144) -> bytes:
    """Render a figure.

    Args:
        figure: drawn by this room; it stays usable.
        dpi: dots per inch; 144 makes a sheet 1440 pixels wide.

    Returns:
        A PNG without software name or date: equal figures give equal bytes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)  # matplotlib annotates this class in part
    before = figure.dpi
    figure.set_dpi(dpi)
    try:
        with io.BytesIO() as buffer:
            canvas.print_png(buffer, metadata={"Software": None})  # savefig would ask the user's settings
            return buffer.getvalue()
    finally:
        figure.set_dpi(before)
