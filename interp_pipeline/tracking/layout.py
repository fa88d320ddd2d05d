"""Where things lie in a run: every artifact path, tag and metric name, in this one place."""

from __future__ import annotations

import hashlib
import re

__all__ = [
    "APART",
    "BACKGROUND",
    "COMPARISON",
    "EVALUATION_PREFIX",
    "EXPLAINED_BACKGROUND",
    "EXPLAINED_ROWS",
    "GLOBAL_IMPORTANCE",
    "IMAGE_KEYS",
    "IMPORTANCE_METRICS",
    "INTERACTIONS",
    "LIME_WEIGHTS",
    "LOCAL",
    "MANIFEST",
    "MODEL_NAME",
    "PLOTS",
    "REPORT",
    "ROWS",
    "SCHEMA",
    "SHAP_VALUES",
    "TAG_ANNOUNCED",
    "TAG_ARTIFACT_PATH",
    "TAG_BACKGROUND",
    "TAG_COMPARED",
    "TAG_DICTIONARY",
    "TAG_ERROR",
    "TAG_EVALUATED_MODEL",
    "TAG_EXPLAINED_MODEL",
    "TAG_KEY",
    "TAG_ROWS",
    "TAG_RUN_ID",
    "TAG_STATUS",
    "TRAINING_PLOTS",
    "apart_name",
    "apart_root",
    "check_metric",
    "comparison_metric",
    "cost_metric",
    "explanation_root",
    "feature_metrics",
    "performance_metric",
    "safe_metric_part",
]

MODEL_NAME = "model"  # our trainers log every model under this name, so paths are equal across runs

# What training logs, before the model is registered.
SCHEMA = "training/schema.json"
BACKGROUND = "training/background.parquet"
ROWS = "training/rows.parquet"
TRAINING_PLOTS = "training/plots"

# What explaining logs, below explanation_root().
MANIFEST = "manifest.json"
GLOBAL_IMPORTANCE = "global_importance.json"
INTERACTIONS = "interactions.json"
SHAP_VALUES = "shap_values.parquet"
LIME_WEIGHTS = "lime_weights.parquet"
EXPLAINED_ROWS = "explained_rows.parquet"
EXPLAINED_BACKGROUND = "background.parquet"
REPORT = "report.html"
PLOTS = "plots"
LOCAL = "local"
IMPORTANCE_METRICS = "shap_mean_abs/"  # before the name of a feature
IMAGE_KEYS = {"shap_importance": "importance", "shap_beeswarm": "beeswarm"}  # log_image key → plot

APART = "explanations_of_other_rows"  # beside explanations/, which holds those that were published

# Before directory, metrics and pictures of an evaluation in a run that models were logged to.
EVALUATION_PREFIX = "evaluation_"

COMPARISON = "comparison"  # root of a comparison run's artifacts

TAG_EXPLAINED_MODEL = "interp.explained_model"
TAG_EVALUATED_MODEL = "interp.evaluated_model"  # on the run of an evaluation
TAG_KEY = "interp.key"
TAG_ANNOUNCED = "interp.announced"  # on the run: digest of what its metrics, pictures and description say
TAG_STATUS = "interp.status"
TAG_RUN_ID = "interp.run_id"
TAG_ARTIFACT_PATH = "interp.artifact_path"
TAG_ERROR = "interp.error"
TAG_COMPARED = "interp.compared"

# Set by people, on a version or a registered model: addresses of tables it is to be explained with.
TAG_ROWS = "interp.rows"
TAG_BACKGROUND = "interp.background"
TAG_DICTIONARY = "interp.dictionary"

_METRIC_PART_LENGTH = 200  # MLflow allows 250 for the whole name
_APART_LENGTH = 60  # of the rows' name in that of a folder
_NOT_ALLOWED = re.compile(r"[^\w\-. ]+")
_LOOKS_HASHED = re.compile(r"--[0-9a-f]{8}$")


def explanation_root(model_name: str) -> str:
    """Artifact directory of the explanation of the model logged under that name."""
    return f"explanations/{model_name}"


def apart_root(model_name: str, name: str = "") -> str:
    """Artifact directory of an explanation of other rows than the version's own; without a name, of all of them."""
    return f"{APART}/{model_name}/{name}".rstrip("/")


def apart_name(rows: str, key: str) -> str:
    """What an explanation of other rows is called: ``new_customers-3f9a1c20``.

    Args:
        rows: what the rows are called, in a word or two.
        key: of the explanation: another question is kept beside it, the same one takes its place.
    """
    return f"{safe_metric_part(rows)[:_APART_LENGTH].strip('. ') or 'rows'}-{key[:8]}"


def safe_metric_part(name: str) -> str:
    """A feature's name as part of a metric name.

    MLflow allows letters and digits of all scripts, ``_ - . / : `` and blanks, and refuses names that
    read as paths. A name of allowed characters but ``/`` and ``:`` stays as it is; in any other every
    stretch of the rest becomes ``_``, and ``--`` and eight digits of the SHA-256 of the true name are
    appended, as they are to a name that ends like that by itself: two names never become one, short
    of equal digits. Tables keep the true names.
    """
    safe = _NOT_ALLOWED.sub("_", name)[:_METRIC_PART_LENGTH]
    if safe == name and name.strip(". ") == name and name != "" and _LOOKS_HASHED.search(name) is None:
        return name
    return f"{safe.strip('. ')}--{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def feature_metrics(values: dict[str, float]) -> dict[str, float]:
    """Metric names of per-feature importance, a chart section in the MLflow UI."""
    return {f"{IMPORTANCE_METRICS}{safe_metric_part(name)}": value for name, value in values.items()}


def check_metric(name: str) -> str:
    """Metric name of one check."""
    return f"explanation_check/{name}"


def cost_metric(name: str) -> str:
    """Metric name of one cost."""
    return f"explanation_cost/{name}"


def performance_metric(name: str) -> str:
    """Metric name of how well a model of others does on the explained rows; never one of its run's own."""
    return f"explained_rows/{name}"


def comparison_metric(name: str) -> str:
    """Metric name of one number of a comparison."""
    return f"comparison/{name}"
