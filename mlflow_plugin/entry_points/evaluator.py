"""``mlflow.models.evaluate(..., evaluators=["default", "interp"])`` explains what it evaluates.

MLflow loads this module whenever it evaluates anything, and makes an evaluator each time: nothing is imported before
it is asked for. It is none of MLflow's ``ModelEvaluator`` by inheritance, for which MLflow would have to be imported;
MLflow asks only for the two methods.

Whatever is wrong with an explanation costs a warning and the run's tag ``interp.error``, never the evaluation, unless
``raise_errors`` is among the options.
"""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from mlflow.models import EvaluationArtifact, EvaluationResult
    from PIL.Image import Image

    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.steps.evaluate import Evaluation, ExplainedEvaluation

__all__ = ["InterpEvaluator"]

_TABULAR = ("classifier", "regressor", None)  # model types; None: own metrics alone, of whatever model
_UNNAMED = re.compile(r"feature_\d+")  # what MLflow calls the columns of an array
_RAISE_ERRORS, _BACKGROUND, _PREFIX = "raise_errors", "background", "metric_prefix"
_TURNED_OFF = "log_model_explainability"  # MLflow's word for it
# Options of MLflow's own evaluators: where no evaluator is named, all get the same ones.
_OF_OTHERS = frozenset(
    {
        _TURNED_OFF,
        "average",
        "col_mapping",
        "eval_results_mode",
        "eval_results_path",
        "explainability_algorithm",
        "explainability_kernel_link",
        "explainability_nsamples",
        "ignore_exceptions",
        "label_list",
        "log_explainer",
        "max_classes_for_multiclass_roc_pr",
        "pos_label",
        "sample_weights",
    }
)

_logger = logging.getLogger("interp.evaluator")


class InterpEvaluator:
    """Explains the model on the evaluation data, into the evaluation's run."""

    @classmethod
    def can_evaluate(cls, *, model_type: str | None, evaluator_config: Mapping[str, Any] | None, **_: Any) -> bool:
        """Whether MLflow should ask: always, for it calls an evaluation a failure that no evaluator takes."""
        del model_type, evaluator_config
        return True

    def evaluate(
        self,
        *,
        model_type: str | None,
        dataset: Any,
        run_id: str,
        evaluator_config: Mapping[str, Any] | None,
        model: Any = None,
        **_: Any,
    ) -> EvaluationResult:
        """Explain, write to the run, and give back what was written.

        Args:
            model_type: "classifier", "regressor" or None; any other is left alone.
            dataset: MLflow's ``EvaluationDataset``.
            run_id: where to write.
            evaluator_config: options of ``ExplainConfig``, ``background``, ``metric_prefix``, ``raise_errors``.
            model: as MLflow loaded it; None where predictions are evaluated.

        Returns:
            Metrics and artifacts; empty where the model was not explained.

        Raises:
            InterpError: it was not explained, and ``raise_errors`` is true.
        """
        options = dict(evaluator_config or {})
        if model_type not in _TABULAR or options.get(_TURNED_OFF) is False:
            _logger.info("not explained: model_type is %r, %s %r", model_type, _TURNED_OFF, options.get(_TURNED_OFF))
            return _result(run_id)
        try:
            return _explain(model, dataset, run_id, options)
        except (Exception, SystemExit) as error:  # the model's code may even exit
            if options.get(_RAISE_ERRORS) is True:
                raise
            _say_why_not(run_id, error)
            return _result(run_id)


def _explain(model: Any, dataset: Any, run_id: str, options: dict[str, Any]) -> EvaluationResult:
    from interp_pipeline.progress import LoggedProgress
    from interp_pipeline.steps.evaluate import explain_evaluation
    from interp_pipeline.tracking.server.session import session_of_process
    from mlflow_plugin.settings import load_settings

    settings = load_settings(None)
    config = _explain_config({**settings.explain, **_own(options)})
    prefix = _prefix(options.get(_PREFIX, ""))
    explained = explain_evaluation(
        session_of_process(),
        _evaluation(model, dataset, run_id, options.get(_BACKGROUND)),
        config,
        defaults=settings.data,
        prefix=prefix,
        progress=LoggedProgress(),
    )
    return _result(run_id, explained)


def _own(options: Mapping[str, Any]) -> dict[str, Any]:
    others = {*_OF_OTHERS, _RAISE_ERRORS, _BACKGROUND, _PREFIX}
    return {name: value for name, value in options.items() if name not in others}


def _explain_config(options: dict[str, Any]) -> ExplainConfig:
    """Options as Python callers write them: lists, one method alone, classes by their labels."""
    from interp_pipeline.config import ExplainConfig
    from interp_pipeline.data.typed_rows import name_of

    if isinstance(options.get("methods"), str):
        options["methods"] = (options["methods"],)
    if options.get("positive_class") is not None:
        options["positive_class"] = name_of(options["positive_class"])
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    if isinstance(values.get("class_names"), tuple):
        values["class_names"] = tuple(name_of(label) for label in values["class_names"])
    return ExplainConfig.from_mapping(values)


def _prefix(prefix: Any) -> str:
    """The prefix of names, if MLflow takes it as part of a metric and of a path."""
    from interp_pipeline.errors import UsageError
    from interp_pipeline.tracking.layout import safe_metric_part

    if not isinstance(prefix, str) or (prefix and safe_metric_part(prefix) != prefix):
        msg = f"{_PREFIX} must be a text of letters, digits, '_' and '-', not {prefix!r}"
        raise UsageError(msg)
    return prefix


def _evaluation(model: Any, dataset: Any, run_id: str, background: Any) -> Evaluation:
    """What MLflow hands over, or why it cannot be explained."""
    from mlflow.pyfunc import PyFuncModel, _ServedPyFuncModel

    from interp_pipeline.errors import ModelError
    from interp_pipeline.steps.evaluate import Evaluation

    why = None
    if model is None:
        why = "predictions are evaluated and no model is given; give the model that made them"
    elif isinstance(model, _ServedPyFuncModel):
        why = 'the model runs in an environment and a process of its own; evaluate it with env_manager="local"'
    elif not isinstance(model, PyFuncModel):
        why = "a function or an endpoint has no files that say what it is; log it as a model, and evaluate that"
    if why is not None:
        raise ModelError(why)
    rows, named = _rows(dataset)
    return Evaluation(
        pyfunc=model,
        run_id=run_id,
        rows=rows,
        names_given=named,
        outcomes=_outcomes(dataset.labels_data),
        target=dataset.targets_name,
        background=background,
    )


def _rows(dataset: Any) -> tuple[pd.DataFrame, bool]:
    """The features, and whether their columns have names of their own."""
    import pandas as pd

    features = dataset.features_data
    if isinstance(features, pd.DataFrame):
        return features, True
    names = [str(name) for name in dataset.feature_names]
    return pd.DataFrame(features, columns=names), not all(_UNNAMED.fullmatch(name) for name in names)


def _outcomes(labels: Any) -> Any:
    """True values, one for each row; of several targets none is the target."""
    return labels if labels is not None and labels.ndim == 1 else None


def _say_why_not(run_id: str, error: BaseException) -> None:
    """One warning, and a tag on the run if the server takes it."""
    why = _reason(error)
    _logger.warning("the model was evaluated but not explained: %s", why)
    _logger.debug("where that comes from", exc_info=error)
    try:
        from interp_pipeline.tracking.runs.run_writer import mark_not_explained
        from interp_pipeline.tracking.server.session import session_of_process

        mark_not_explained(session_of_process().asked_once, run_id, why)
    except Exception as second:  # noqa: BLE001 - the warning is out, and the evaluation goes on
        _logger.debug("run %s could not be tagged: %s", run_id, second)


def _reason(error: BaseException) -> str:
    """The message; before one that is not ours, what kind of error it is."""
    try:
        from interp_pipeline.errors import InterpError

        return str(error) if isinstance(error, InterpError) else f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - a model's exception may not even have a text
        return type(error).__name__


def _result(run_id: str, explained: ExplainedEvaluation | None = None) -> EvaluationResult:
    """What MLflow merges with the results of other evaluators."""
    from mlflow.models import EvaluationResult

    metrics = {} if explained is None else dict(explained.metrics)
    artifacts = {} if explained is None else _artifacts(run_id, explained)
    return EvaluationResult(metrics=metrics, artifacts=artifacts, run_id=run_id)  # type: ignore[no-untyped-call]  # mlflow's own


def _artifacts(run_id: str, explained: ExplainedEvaluation) -> dict[str, EvaluationArtifact]:
    """Tables, report, manifest and the announced pictures, by artifact path; the others are found in the run."""
    from mlflow.models.evaluation import artifacts

    kinds: dict[str, tuple[type[EvaluationArtifact], Callable[[bytes], Any]]] = {
        ".json": (artifacts.JsonEvaluationArtifact, json.loads),
        ".parquet": (artifacts.ParquetEvaluationArtifact, _frame),
        ".html": (artifacts.TextEvaluationArtifact, bytes.decode),
        ".png": (artifacts.ImageEvaluationArtifact, _picture),
    }
    found = {}
    for path, content in explained.files.items():
        if "/" not in path or path in explained.images.values():
            kind, read = kinds[PurePosixPath(path).suffix]
            place = f"{explained.root}/{path}"
            found[place] = kind(f"runs:/{run_id}/{place}", read(content))
    return found


def _frame(content: bytes) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(io.BytesIO(content))


def _picture(content: bytes) -> Image:
    from PIL import Image

    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture
