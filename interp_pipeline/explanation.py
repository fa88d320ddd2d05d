"""The value object every room speaks about: one explanation of one model on some rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from interp_pipeline.errors import ModelError, UsageError
from interp_pipeline.summaries import PROBABILITY, summary_of_explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

    import shap

__all__ = [
    "CLASS_SCORES",
    "LOG_ODDS",
    "MEAN_PATH_LENGTH",
    "PROBABILITY",
    "SOFTMAX_SCORE",
    "VOTES",
    "Cost",
    "Explanation",
    "FloatArray",
    "unit_of_squares",
]

LOG_ODDS = "log-odds"
# One per class, the input of a softmax: only the difference of two is the log of an odds ratio, none by itself.
SOFTMAX_SCORE = "softmax score"
VOTES = "share of votes"  # of classifiers that answer with labels alone: 1 for the answer, 0 for the others
# All units of classifiers but the first.
CLASS_SCORES = frozenset({LOG_ODDS, SOFTMAX_SCORE, "decision function", "margin", VOTES})

_ROWS_NAMED = 10  # that a message lists
MEAN_PATH_LENGTH = "mean path length"  # of isolation forests: splits until a row is set apart, few for anomalies
_LARGEST_SQUARED = 1e100  # the sum of the squares of many such numbers is a number too

FloatArray: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an explanation cost to compute."""

    seconds: float  # wall-clock time of the attribution alone, without loading or drawing
    model_evaluations: int  # rows the model was asked to predict; 0 where trees are read directly


@dataclass(frozen=True, kw_only=True, eq=False)
class Explanation:
    """Signed attributions of a model's outputs to its raw features, row by row.

    Arrays are three-dimensional throughout, so nothing branches on shape. For SHAP,
    ``base_values + values.sum(axis=1)`` equals ``predictions``; for LIME ``values`` are the weights
    of the local surrogate, ``base_values`` its intercept and ``local_r2`` its fidelity.

    Attributes:
        values: attributions in units of the model output, shape (n_rows, n_features, n_outputs).
        base_values: shape (n_rows, n_outputs).
        predictions: the model's outputs for the rows, shape (n_rows, n_outputs).
        data: the explained rows as the user has them, shape (n_rows, n_features); columns are the
            feature names, the index holds the row ids in the data set they came from.
        output_names: class names, or the target's name for a regression, length n_outputs.
        output_unit: what one unit of the model output is, for axis labels: ``probability``, a score of
            ``CLASS_SCORES``, or the target's name.
        positive_class: of a binary classifier, the class the summary speaks about; else None.
        method: name of the explainer in the registry.
        seed: seed of every random number used; the same seed gives the same values.
        std_errors: standard error of each value, shape of ``values``; None where values are exact.
        local_r2: weighted R² of LIME's surrogate, shape (n_rows, n_outputs); None for SHAP.
        cost: what it took to compute.
        details: further numbers of the method worth recording, such as ``rounds`` of a sampling one.
        unseen: per feature, categories among its values that the model has not learned, as text, each with what is
            said of it: ``not seen in training``. Known of models that were trained here.
    """

    values: FloatArray
    base_values: FloatArray
    predictions: FloatArray
    data: pd.DataFrame
    output_names: tuple[str, ...]
    output_unit: str
    positive_class: str | None
    method: str
    seed: int
    cost: Cost
    std_errors: FloatArray | None = None
    local_r2: FloatArray | None = None
    details: Mapping[str, float] = field(default_factory=dict)
    unseen: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse shapes that do not belong together and values that are not finite.

        Raises:
            ModelError: an array has the wrong shape or holds NaN or infinity.
        """
        n_rows, n_features = self.data.shape
        n_outputs = len(self.output_names)
        three, two = (n_rows, n_features, n_outputs), (n_rows, n_outputs)
        arrays = {
            "values": (self.values, three),
            "base_values": (self.base_values, two),
            "predictions": (self.predictions, two),
            "std_errors": (self.std_errors, three),
            "local_r2": (self.local_r2, two),
        }
        for name, (array, shape) in arrays.items():
            if array is None:
                continue
            if array.shape != shape:
                msg = f"{self.method}: {name} has shape {array.shape}, expected {shape}"
                raise ModelError(msg)
            if not np.isfinite(array).all():
                msg = f"{self.method}: {name} holds NaN or infinite numbers; the model's outputs must be finite"
                raise ModelError(msg)
        if self.positive_class is not None and self.positive_class not in self.output_names:
            msg = f"positive class {self.positive_class!r} is not among the outputs {list(self.output_names)}"
            raise ModelError(msg)

    def __repr__(self) -> str:
        """A short table."""
        return summary_of_explanation(self).to_text()

    def _repr_html_(self) -> str:
        """The same in a notebook."""
        return summary_of_explanation(self).to_html()

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the raw features, in the order of the second axis of ``values``."""
        return tuple(self.data.columns)

    @property
    def shown_data(self) -> pd.DataFrame:
        """``data`` as tables and pictures show it: a word stands beside each category the model has not learned."""
        shown = self.data.copy(deep=False)
        for feature, told in self.unseen.items():
            cells = self.data[feature].to_numpy(dtype=object)
            marked = [f"{cell} ({told[str(cell)]})" if str(cell) in told else cell for cell in cells]
            shown[feature] = pd.Series(marked, index=shown.index, dtype=object)
        return shown

    @property
    def row_ids(self) -> tuple[int, ...]:
        """Row numbers in the data set the explained rows came from."""
        return tuple(int(row_id) for row_id in self.data.index)

    def position(self, row: int) -> int:
        """Where an explained row stands in the arrays.

        Args:
            row: its number in the data set it came from, one of ``row_ids``.

        Raises:
            UsageError: that row was not explained.
        """
        ids = self.row_ids
        if row not in ids:
            named = ", ".join(map(str, ids[:_ROWS_NAMED])) + (", ..." if len(ids) > _ROWS_NAMED else "")
            msg = f"row {row} was not explained; of the data set's rows these {len(ids)} were: {named}"
            raise UsageError(msg)
        return ids.index(row)

    @property
    def summary_outputs(self) -> tuple[int, ...]:
        """Indices of the outputs a summary speaks about.

        The positive class of a binary classifier (the other class mirrors it), all classes
        of a multi-class one, the single output of a regression.
        """
        if self.positive_class is not None:
            return (self.output_names.index(self.positive_class),)
        return tuple(range(len(self.output_names)))

    @property
    def mean_abs(self) -> FloatArray:
        """Mean absolute attribution, averaged over rows, shape (n_features, n_outputs)."""
        return np.asarray(np.abs(self.values).mean(axis=0), dtype=np.float64)

    @property
    def importance(self) -> FloatArray:
        """Global importance: ``mean_abs`` averaged over the summary outputs, shape (n_features,)."""
        outputs = list(self.summary_outputs)
        return np.asarray(self.mean_abs[:, outputs].mean(axis=1), dtype=np.float64)

    @property
    def importance_std_error(self) -> FloatArray:
        """Standard error of ``importance``, shape (n_features,).

        Two sources are added: that the rows are a sample (standard deviation of the absolute
        values over rows / sqrt(n_rows)) and, where values are estimated, their own standard errors.
        With one row the first is unknown and counted as zero.
        """
        outputs = list(self.summary_outputs)
        n_rows = len(self.data)
        unit = unit_of_squares(self.values)
        per_row = np.abs(self.values[:, :, outputs]).mean(axis=2) / unit
        variance = per_row.var(axis=0, ddof=1) / n_rows if n_rows > 1 else np.zeros(per_row.shape[1])
        if self.std_errors is not None:
            per_value = ((self.std_errors[:, :, outputs] / unit) ** 2).sum(axis=2) / len(outputs) ** 2
            variance = variance + per_value.mean(axis=0) / n_rows
        return np.asarray(np.sqrt(variance) * unit, dtype=np.float64)

    @property
    def ranking(self) -> tuple[int, ...]:
        """Feature indices from most to least important; ties keep the order of the columns."""
        return tuple(int(i) for i in np.argsort(-self.importance, kind="stable"))

    def to_frame(self) -> pd.DataFrame:
        """The value table: one row per explained row and output.

        Returns:
            DataFrame of n_rows * n_outputs rows. SHAP: ``row_id, output, base_value, prediction,
            shap/<feature>…`` and ``std_error/<feature>…`` where estimated. LIME: ``row_id,
            output, intercept, local_r2, prediction, lime/<feature>…``. The prefixes keep a feature called
            ``output`` apart.
        """
        n_rows, n_features, n_outputs = self.values.shape
        names = self.feature_names

        def wide(prefix: str, array: FloatArray) -> pd.DataFrame:
            flat = array.transpose(0, 2, 1).reshape(n_rows * n_outputs, n_features)
            return pd.DataFrame(flat, columns=[f"{prefix}/{name}" for name in names])

        head = {
            "row_id": np.repeat(np.asarray(self.row_ids, dtype=np.int64), n_outputs),
            "output": list(self.output_names) * n_rows,
        }
        if self.local_r2 is not None:
            head["intercept"] = self.base_values.ravel()
            head["local_r2"] = self.local_r2.ravel()
            head["prediction"] = self.predictions.ravel()
            return pd.concat([pd.DataFrame(head), wide("lime", self.values)], axis=1)
        head["base_value"] = self.base_values.ravel()
        head["prediction"] = self.predictions.ravel()
        parts = [pd.DataFrame(head), wide("shap", self.values)]
        if self.std_errors is not None:
            parts.append(wide("std_error", self.std_errors))
        return pd.concat(parts, axis=1)

    def to_shap(self) -> shap.Explanation:
        """The same attributions as a ``shap.Explanation``, for shap's own plots.

        Returns:
            values (n_rows, n_features) where the summary speaks about one output, else
            (n_rows, n_features, n_outputs), as shap's plots expect.
        """
        import shap

        outputs = list(self.summary_outputs)
        single = len(outputs) == 1
        return shap.Explanation(
            values=self.values[:, :, outputs[0]] if single else self.values,
            base_values=self.base_values[:, outputs[0]] if single else self.base_values,
            data=self.data.to_numpy(dtype=object),
            feature_names=list(self.feature_names),
            output_names=None if single else list(self.output_names),
        )


def unit_of_squares(values: FloatArray) -> float:
    """What to divide values by before they are squared: 1, or for very large ones a power of two, which is exact."""
    largest = float(np.abs(values).max(initial=0.0))
    return 1.0 if largest < _LARGEST_SQUARED or not math.isfinite(largest) else 2.0 ** math.floor(math.log2(largest))
