"""Small real tables with everything raw data bring: texts, gaps, dates, truth values, identifiers, constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["TABLES", "credit", "progression", "raw_extremes", "wines"]


def credit() -> pd.DataFrame:
    """Two classes: the first 300 rows of the bundled German credit data, 20 features."""
    from interp_pipeline.data.sources import read_table

    return read_table("german_credit").head(300)


def wines() -> pd.DataFrame:
    """Three classes: scikit-learn's wines with columns of every kind beside its numbers."""
    from sklearn.datasets import load_wine

    wine = load_wine(as_frame=True).frame
    random = np.random.default_rng(0)
    n = len(wine)
    region = np.array(["Barolo", "Asti", "Alba", "Langhe"])[np.minimum(wine["target"] + random.integers(0, 2, n), 3)]
    year = 1990 + random.integers(0, 10, n)
    table = pd.DataFrame(
        {
            "bottle": [f"B-{i:04d}" for i in range(n)],
            "country": "Italy",
            "alcohol": wine["alcohol"],
            "proline": wine["proline"],
            "flavanoids": wine["flavanoids"],
            "colour_intensity": wine["color_intensity"],
            "region": region,
            "bottled": [f"{y}-0{m}-15" for y, m in zip(year, random.integers(1, 10, n), strict=True)],
            "organic": random.random(n) < 0.3,
            "vineyards": random.integers(1, 6, n),
            "cultivar": np.array(["Nebbiolo", "Grignolino", "Barbera"])[wine["target"]],
        }
    )
    return _with_gaps(table, {"alcohol": 0.1, "region": 0.1, "bottled": 0.05, "organic": 0.1}, random)


def progression() -> pd.DataFrame:
    """A number: scikit-learn's diabetes data, six features, two of them texts, with gaps."""
    from sklearn.datasets import load_diabetes

    raw = load_diabetes(as_frame=True, scaled=False).frame
    random = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "age": raw["age"],
            "sex": np.where(raw["sex"] == 1, "female", "male"),
            "bmi": raw["bmi"],
            "blood_pressure": raw["bp"],
            "triglycerides": raw["s5"],
            "clinic": np.array(["North", "South", "West"])[random.integers(0, 3, len(raw))],
            "progression": raw["target"],
        }
    )
    return _with_gaps(table, {"bmi": 0.1, "sex": 0.1, "clinic": 0.05}, random)


TABLES: dict[str, tuple[Any, str]] = {  # task → (table, its target)
    "binary": (credit, "target"),
    "multiclass": (wines, "cultivar"),
    "regression": (progression, "progression"),
}


def raw_extremes(features: pd.DataFrame) -> pd.DataFrame:
    """Rows as a careless caller sends them: nothing but gaps, then texts no model has seen, then as they were.

    Args:
        features: two rows or more without the target.

    Returns:
        Four rows; columns in another order, with one beside them that no model asked for.
    """
    n = min(len(features), 2)
    whole = features.head(n).astype(object).where(features.head(n).notna(), None)
    gaps = pd.DataFrame([dict.fromkeys(features.columns)], dtype=object)
    unseen = whole.head(1).copy()
    for name in features.columns:
        if isinstance(unseen[name].iloc[0], str) and not unseen[name].iloc[0][:4].isdecimal():
            unseen[name] = "never seen <before>"
    table = pd.concat([gaps, unseen, whole], ignore_index=True)
    table["beside"] = 1
    return table[sorted(table.columns, reverse=True)]


def _with_gaps(table: pd.DataFrame, shares: dict[str, float], random: np.random.Generator) -> pd.DataFrame:
    gapped = table.copy()
    for name, share in shares.items():
        gapped[name] = gapped[name].astype(object).where(random.random(len(table)) >= share, None)
    return gapped.infer_objects()
