"""Small explanations and pages whose every number is known."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from interp_pipeline.checks import run_checks
from interp_pipeline.explanation import Cost, Explanation
from interp_pipeline.report import ExplanationReport

if TYPE_CHECKING:
    from collections.abc import Callable

N_ROWS = 20


def _png() -> bytes:
    """The smallest picture: one grey pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\x00\x80")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.fixture
def png() -> bytes:
    return _png()


@pytest.fixture
def shap() -> Explanation:
    """Binary: duration lowers the probability of good, purpose splits in three, note does nothing."""
    months = np.arange(4, 4 + 2 * N_ROWS, 2)
    purpose = np.array(["car"] * 8 + ["tv"] * 8 + ["boat"] * 4, dtype=object)
    values = np.zeros((N_ROWS, 3))
    values[:, 0] = np.linspace(0.1, -0.09, N_ROWS)
    values[:, 1] = np.select([purpose == "car", purpose == "tv"], [0.04, -0.02], -0.06)
    both = np.stack([-values, values], axis=2)
    base = np.tile([0.3, 0.7], (N_ROWS, 1))
    data = pd.DataFrame({"duration_months": months, "purpose": purpose, "note": ["same"] * N_ROWS})
    return Explanation(
        values=both,
        base_values=base,
        predictions=base + both.sum(axis=1),
        data=data.set_axis(np.arange(100, 100 + N_ROWS), axis=0),
        output_names=("bad", "good"),
        output_unit="probability",
        positive_class="good",
        method="shap_tree",
        seed=42,
        cost=Cost(seconds=0.5, model_evaluations=0),
    )


@pytest.fixture
def lime(shap: Explanation) -> Explanation:
    """The same directions with other sizes, except that purpose points the other way for boats."""
    values = shap.values * 1.5
    values[-4:, 1] *= -1
    return dataclasses.replace(shap, values=values, method="lime", local_r2=np.full((N_ROWS, 2), 0.65))


@pytest.fixture
def importance() -> Callable[[Explanation], pd.DataFrame]:
    def table(explanation: Explanation) -> pd.DataFrame:
        order = list(explanation.ranking)
        outputs = list(explanation.summary_outputs)
        return pd.DataFrame(
            {
                "feature": [explanation.feature_names[i] for i in order],
                "rank": range(1, len(order) + 1),
                "mean_abs_shap": explanation.importance[order],
                "mean_shap": explanation.values[:, order][:, :, outputs].mean(axis=(0, 2)),
                "std_error": explanation.importance_std_error[order],
                "lime_mean_abs_weight": explanation.importance[order] * 1.5,
            }
        )

    return table


@pytest.fixture
def content(
    shap: Explanation, lime: Explanation, importance: Callable[[Explanation], pd.DataFrame], png: bytes
) -> ExplanationReport:
    fields: dict[str, Any] = {
        "model_name": "credit-rf",
        "version": "3",
        "model_kind": "random forest",
        "task": "binary",
        "target": "outcome",
        "data_source": "german_credit",
        "n_train": 800,
        "n_test": 200,
        "n_background": 100,
        "metrics": {"accuracy": 0.765, "baseline_accuracy": 0.7, "roc_auc": 0.79, "log_loss": 0.5},
        "methods": {"shap_tree": "The model is a forest.", "lime": "A second opinion."},
        "shap": shap,
        "lime": lime,
        "importance": importance(shap),
        "instances": (100, 119),
        "checks": run_checks(shap=shap, lime=lime),
        "pictures": {"importance": png, "waterfall_100": png, "lime_100": png, "dependence_1": png},
        "notes": ("Column note is constant.",),
        "versions": {"shap": "0.51.0", "numpy": "2.4.0"},
        "actual": {100: "bad"},
    }
    return ExplanationReport(**fields)
