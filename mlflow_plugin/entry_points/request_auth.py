"""MLflow's request auth provider, by which a connection has an identity of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SessionAuthProvider"]


class SessionAuthProvider:
    """What MLflow asks where MLFLOW_TRACKING_AUTH is ``interp-session``; it asks for no base class."""

    def get_name(self) -> str:
        """The name MLFLOW_TRACKING_AUTH chooses it by."""
        return "interp-session"

    def get_auth(self) -> Callable[[Any], Any]:
        """What signs a request. Loaded late: MLflow imports this module whenever it is imported itself."""
        from interp_pipeline.tracking.server.identity import sign

        return sign
