"""Explain every model version registered in MLflow: SHAP and LIME, checked, as tables, plots and a report.

    >>> import interp_pipeline
    >>> explanation = interp_pipeline.explain("models:/credit/1")     # doctest: +SKIP
    >>> interp_pipeline.plots.importance(explanation)                 # doctest: +SKIP
    >>> interp_pipeline.compare(["models:/credit/1", "models:/credit/2"]).features  # doctest: +SKIP

Importing this package imports numpy and pandas; the first call imports what is heavier. What a call does, and
which rows it takes and draws, it tells the logger ``interp`` on the level INFO, which shows nothing until somebody
listens:

    >>> import logging
    >>> logging.basicConfig(format="%(message)s")                     # doctest: +SKIP
    >>> logging.getLogger("interp").setLevel(logging.INFO)            # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from interp_pipeline import plots
from interp_pipeline.config import CompareConfig, ExplainConfig
from interp_pipeline.errors import InterpError, ModelError, UsageError
from interp_pipeline.explanation import Explanation
from interp_pipeline.interactions import Interactions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from interp_pipeline.comparison import Comparison
    from interp_pipeline.config import Output, TaskChoice

__all__ = [
    "Explanation",
    "Interactions",
    "InterpError",
    "compare",
    "explain",
    "find_interactions",
    "load",
    "plots",
    "relabel",
]


def explain(  # noqa: PLR0913 - options are keyword-only, and the public contract
    model_uri: str,
    *,
    data: str | pd.DataFrame | None = None,
    row: int | Sequence[int] = (),
    background: str | pd.DataFrame | None = None,
    background_rows: int = 100,
    rows: int = 200,
    methods: str | Sequence[str] = "auto",
    output: Output = "auto",
    output_name: str | None = None,
    target: str | None = None,
    task: TaskChoice = "auto",
    positive_class: str | float | None = None,
    class_names: Sequence[str | float] = (),
    max_seconds: float | None = None,
    max_error: float | None = None,
    max_evaluations: int | None = None,
    lime_samples: int = 5000,
    lime_kernel_width: float | None = None,
    lime_features: int | None = None,
    seed: int = 42,
    publish: bool = False,
    replace: bool = False,
    dictionary: str | None = None,
) -> Explanation:
    """Explain one registered model version, whoever trained it.

    Args:
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        data: rows to explain: path, URI or frame; None takes what was logged with the version.
        row: number of a row to explain, or several, of ``data`` or of the version's own rows; empty: drawn.
        background: background data, likewise; None takes what was logged, or rows beside those of ``data``.
        background_rows: how many rows of the background data at most; of more, so many are drawn.
        rows: how many rows at most.
        methods: ``"auto"``, ``"shap"``, ``"lime"`` or a list of explainer names.
        output: what of a classifier is explained: ``"probability"``, ``"margin"`` (log-odds, softmax
            scores or its decision function), or ``"auto"``: the margin of models that add up in it, else probabilities.
        output_name: which of its outputs is explained, of a network or function that has several under names.
        target: column that a model not trained here predicts; None: what its signature says.
        task: whether such a model is a ``"regression"`` or a ``"classification"``, where it does not say so itself:
            whole numbers may be amounts or classes, a sigmoid may give probabilities or shares.
        positive_class: which of such a model's two classes is spoken about, by its name or its label (a text, a
            number, True or False); None: the second.
        class_names: names for such a model's classes where these are numbers or truth values, in its own
            order; empty: its own.
        max_seconds: stop sampling after this time.
        max_error: sample until the mean standard error is this share of the mean absolute value.
        max_evaluations: rows the model may be asked to predict.
        lime_samples: perturbed rows LIME learns from.
        lime_kernel_width: how far from a row they still count to LIME; None: 0.75 times the root of the number of
            features.
        lime_features: features in LIME's model of a row, those with the largest weights; None: all.
        seed: of every random number.
        publish: also write tables, plots and report to the version's run; what rests on other rows than the
            version's own (on ``data``, or a ``row``) goes beside what is published there.
        replace: with ``publish``, put it in place of what is published even so.
        dictionary: data dictionary for what is published, a TOML file: path or URI; None: what was declared.

    Returns:
        The SHAP explanation; LIME's where ``methods`` asks for nothing else. With ``"auto"``
        LIME is computed only when publishing, for it is not returned.

    Raises:
        UsageError: no such version, data or method, or a method or an option that does not fit the model.
        DataError: a table has a column twice, or a value that the model cannot read (a UsageError too).
        ModelError: the version cannot be explained, or the explanation failed its checks.
        TrackingError: the tracking server or a storage does not answer.
    """
    from interp_pipeline.progress import LoggedProgress
    from interp_pipeline.steps.explain import explain as explain_step

    wanted = (methods,) if isinstance(methods, str) else tuple(methods)
    if wanted == ("auto",) and not publish:
        wanted = ("shap",)
    asked = {"rows": rows, "background_rows": background_rows, "methods": wanted}
    outputs = {"output": output, "output_name": output_name, "target": target, "task": task}
    effort = {"max_seconds": max_seconds, "max_error": max_error, "max_evaluations": max_evaluations, "seed": seed}
    lime = {"lime_samples": lime_samples, "lime_kernel_width": lime_kernel_width, "lime_features": lime_features}
    classes = _classes(positive_class, class_names)
    config = ExplainConfig.from_mapping(
        {**asked, **outputs, **effort, **lime, **classes, "interactions": publish}  # which are not returned
    )
    result = explain_step(
        model_uri,
        config,
        data=data,
        row_ids=_numbers(row),
        background=background,
        dictionary=dictionary,
        publishing=publish,
        replacing=replace,
        progress=LoggedProgress(),
    )
    explanation = result.shap or result.lime
    if explanation is None:
        msg = f"{model_uri} was not explained"
        raise AssertionError(msg)
    return explanation


def find_interactions(
    model_uri: str,
    *,
    data: str | pd.DataFrame | None = None,
    background: str | pd.DataFrame | None = None,
    rows: int = 200,
    output: Output = "auto",
) -> Interactions:
    """Find what pairs of features do together in a registered tree ensemble; nothing is written.

    Args:
        model_uri: see ``explain``.
        data: see ``explain``.
        background: see ``explain``.
        rows: how many rows at most.
        output: see ``explain``.

    Returns:
        Main effects and joint effects, for ``plots.interactions``; ``explanation`` holds the SHAP values.

    Raises:
        UsageError: no such version or data, or the version is no tree ensemble.
        DataError: a table has a column twice, or a value that the model cannot read (a UsageError too).
        ModelError: its interactions would take too long.
        TrackingError: the tracking server or a storage does not answer.
    """
    from interp_pipeline.progress import LoggedProgress
    from interp_pipeline.steps.explain import explain as explain_step

    config = ExplainConfig.from_mapping({"rows": rows, "methods": ("shap_tree",), "output": output})
    result = explain_step(
        model_uri, config, data=data, background=background, publishing=False, progress=LoggedProgress()
    )
    if result.interactions is None:
        msg = f"{model_uri}: {result.interactions_why}"
        raise ModelError(msg)
    return result.interactions


def load(model_uri: str, *, method: str = "shap", name: str = "") -> Explanation:
    """Read the published explanation of a version, or one of other rows that is kept beside it.

    Args:
        model_uri: ``models:/name/3``, ``models:/name@alias`` or ``models:/name/latest``.
        method: ``"shap"`` or ``"lime"``.
        name: of an explanation of other rows, as ``explain`` tells it; empty: the published one.

    Raises:
        UsageError: no such version, or it has no such explanation.
        ModelError: the published files are damaged.
        TrackingError: the tracking server or storage does not answer.
    """
    from interp_pipeline.model_ref import ModelRef
    from interp_pipeline.tracking.runs.run_reader import names_apart, read_published
    from interp_pipeline.tracking.server.registry import resolve
    from interp_pipeline.tracking.server.session import connect

    if method not in {"shap", "lime"}:
        msg = f'method must be "shap" or "lime", not {method!r}'
        raise UsageError(msg)
    client = connect(making=False).client
    version = resolve(client, ModelRef.parse(model_uri))
    published = read_published(client, version, name)
    explanation = None if published is None else published.shap if method == "shap" else published.lime
    if explanation is None and name:
        known = ", ".join(names_apart(client, version)) or "there is none"
        msg = f"{version.uri} has no {method} explanation of other rows called {name!r}; known: {known}"
        raise UsageError(msg)
    if explanation is None:
        msg = f"{version.uri} has no published {method} explanation; make one: interp explain {version.uri}"
        raise UsageError(msg)
    return explanation


def relabel(explanation: Explanation, dictionary: str) -> Explanation:
    """The same explanation with features and values called as people call them, for pictures.

    Args:
        explanation: any; its numbers stay.
        dictionary: data dictionary, a TOML file: path or URI; see ``interp_pipeline.data.data_dictionary``.

    Raises:
        UsageError: there is no such file, or two features would have the same name.
        DataError: it is no data dictionary (a UsageError too).
        TrackingError: the storage does not answer.
    """
    from interp_pipeline.data.data_dictionary import read_dictionary

    return read_dictionary(dictionary).relabel(explanation)


def compare(  # noqa: PLR0913 - options are keyword-only, and the public contract
    model_uris: Sequence[str],
    *,
    data: str | pd.DataFrame | None = None,
    background: str | pd.DataFrame | None = None,
    background_rows: int = 100,
    rows: int = 200,
    output: Output = "auto",
    output_name: str | None = None,
    target: str | None = None,
    task: TaskChoice = "auto",
    positive_class: str | float | None = None,
    class_names: Sequence[str | float] = (),
    max_seconds: float | None = None,
    max_error: float | None = None,
    max_evaluations: int | None = None,
    seed: int = 42,
    publish: bool = False,
    dictionary: str | None = None,
) -> Comparison:
    """Compare what drives two or more registered versions, on the same rows against the same background data.

    Each is explained by the best SHAP method for it.

    Args:
        model_uris: two or more; the first is the reference.
        data: rows to compare on: path, URI or frame; None: those of the first version.
        background: background data for all versions, likewise; None: that of the first version.
        background_rows: see ``explain``.
        rows: how many rows at most.
        output: see ``explain``; ``"probability"`` makes classifiers of all kinds comparable.
        output_name: see ``explain``.
        target: see ``explain``.
        task: see ``explain``.
        positive_class: see ``explain``.
        class_names: see ``explain``.
        max_seconds: see ``explain``; for each version.
        max_error: see ``explain``.
        max_evaluations: see ``explain``; for each version.
        seed: of every random number.
        publish: also write tables, plots and report to a comparison run.
        dictionary: see ``explain``; None: what was declared for the first version.

    Raises:
        UsageError: fewer than two versions, or nothing in common to compare.
        DataError: a table has a column twice, or a value that the model cannot read (a UsageError too).
        ModelError: a version cannot be explained.
        TrackingError: the tracking server or a storage does not answer.
    """
    from interp_pipeline.progress import LoggedProgress
    from interp_pipeline.steps.compare import compare as compare_step

    config = CompareConfig.from_mapping({"rows": rows, "seed": seed})
    asked = {"rows": rows, "background_rows": background_rows}
    outputs = {"output": output, "output_name": output_name, "target": target, "task": task}
    effort = {"max_seconds": max_seconds, "max_error": max_error, "max_evaluations": max_evaluations, "seed": seed}
    classes = _classes(positive_class, class_names)
    explain_config = ExplainConfig.from_mapping({**asked, **outputs, **effort, **classes})
    return compare_step(
        model_uris,
        config,
        explain_config=explain_config,
        data=data,
        background=background,
        dictionary=dictionary,
        publishing=publish,
        progress=LoggedProgress(),
    ).comparison


def _numbers(row: int | Sequence[int]) -> tuple[int, ...]:
    """Row numbers, one or several, of Python or numpy."""
    import operator

    rows = row if isinstance(row, Iterable) and not isinstance(row, str) else [row]
    try:
        return tuple(operator.index(each) for each in rows)
    except TypeError as error:
        msg = f"row must be the number of a row, or several, not {row!r}"
        raise UsageError(msg) from error


def _classes(positive_class: str | float | None, class_names: Sequence[str | float]) -> dict[str, Any]:
    """Options about classes, which are named by labels of any kind."""
    named = None if positive_class is None else _name("positive_class", positive_class)
    return {"positive_class": named, "class_names": _names("class_names", class_names)}


def _names(option: str, labels: Sequence[str | float]) -> tuple[str, ...]:
    """Several labels as the names they have; a text alone would be split into its letters."""
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Iterable):
        msg = f'{option} must be a list such as ["no", "yes"], not {labels!r}'
        raise UsageError(msg)
    return tuple(_name(option, label) for label in labels)


def _name(option: str, label: Any) -> str:
    """A class label, Python's or numpy's, as the name it has wherever labels are read."""
    import numpy as np

    from interp_pipeline.data.typed_rows import name_of

    if not isinstance(label, (str, bool, int, float, np.generic)):
        msg = f"{option} must name classes by texts, numbers, True or False, not by {label!r}"
        raise UsageError(msg)
    return name_of(label)
