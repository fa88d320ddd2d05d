"""Where code of models runs: in processes without credentials, held by the kernel."""

from mlflow_plugin.sandbox.end_of_child import Cancelled, SandboxNotReadyError
from mlflow_plugin.sandbox.limits import Limits
from mlflow_plugin.sandbox.sandbox import Sandbox, Spent

__all__ = ["Cancelled", "Limits", "Sandbox", "SandboxNotReadyError", "Spent"]
