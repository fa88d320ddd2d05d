"""Any supported tree ensemble as one packed forest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interp_pipeline.explainers.trees.packed_forest import PackedForest

__all__ = ["read_forest"]


def read_forest(estimator: Any) -> PackedForest | None:
    """The trees of a fitted estimator, or None if it is no tree ensemble that is known here.

    Known are scikit-learn's decision trees, random forests, extra trees, gradient boosting, histogram
    gradient boosting and isolation forests, and all of XGBoost, LightGBM and CatBoost. The forest's sum
    is, for a forest classifier, the probabilities of all classes, for an isolation forest the mean path
    length, and otherwise the raw score the library adds up.

    XGBoost, LightGBM and CatBoost are not imported unless the estimator is theirs.

    Args:
        estimator: fitted estimator or booster.

    Raises:
        ModelError: it is such an ensemble, but something in it cannot be explained by tree methods.
    """
    origins = {kind.__module__.partition(".")[0] for kind in type(estimator).__mro__}
    if "xgboost" in origins:
        from interp_pipeline.explainers.trees.xgboost_trees import read_xgboost

        return read_xgboost(estimator)
    if "lightgbm" in origins:
        from interp_pipeline.explainers.trees.lightgbm_trees import read_lightgbm

        return read_lightgbm(estimator)
    if "catboost" in origins:
        from interp_pipeline.explainers.trees.catboost_trees import read_catboost

        return read_catboost(estimator)
    if "sklearn" not in origins:
        return None
    from interp_pipeline.explainers.trees.sklearn_boosting import read_sklearn_boosting
    from interp_pipeline.explainers.trees.sklearn_hist_boosting import read_sklearn_hist_boosting
    from interp_pipeline.explainers.trees.sklearn_isolation import read_sklearn_isolation
    from interp_pipeline.explainers.trees.sklearn_trees import read_sklearn_trees

    for read in (read_sklearn_trees, read_sklearn_boosting, read_sklearn_hist_boosting, read_sklearn_isolation):
        forest = read(estimator)
        if forest is not None:
            return forest
    return None
