"""Two or more explanations of the same rows: how far apart are they, and is it more than noise?"""

from interp_pipeline.comparison.compare import compute_comparison
from interp_pipeline.comparison.result import Comparison

__all__ = ["Comparison", "compute_comparison"]
