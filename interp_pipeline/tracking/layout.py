"""Where things lie in a run: every artifact path, tag and metric name, in this one place."""

from __future__ import annotations

import hashlib
import re


MODEL_NAME = "model"  # our trainers log every model under this name, so paths are equal across runs

# What training logs, before the model is registered.
TRAINING = "training"
SCHEMA = f"{TRAINING}/schema.json"
BACKGROUND = f"{TRAINING}/background.parquet"
ROWS = f"{TRAINING}/rows.parquet"
TRAINING_PLOTS = f"{TRAINING}/plots"

# What explaining logs, below explanation_root().
MANIFEST = "manifest.json"
GLOBAL_IMPORTANCE = "global_importance.json"
SHAP_VALUES = "shap_values.parquet"
LIME_WEIGHTS = "lime_weights.parquet"
EXPLAINED_ROWS = "explained_rows.parquet"
EXPLAINED_BACKGROUND = "background.parquet"
REPORT = "report.html"
PLOTS = "plots"
LOCAL = "local"

COMPARISON = "comparison"

TAG_EXPLAINED_MODEL = "interp.explained_model"
TAG_KEY = "interp.key"
TAG_STATUS = "interp.status"
TAG_RUN_ID = "interp.run_id"
TAG_ARTIFACT_PATH = "interp.artifact_path"
TAG_ERROR = "interp.error"
TAG_COMPARED = "interp.compared"
