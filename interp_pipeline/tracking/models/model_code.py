"""Let code of models run, which may raise anything: what it raised becomes one line."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from interp_pipeline.error_line import error_line
from interp_pipeline.errors import InterpError, ModelError
from interp_pipeline.installing import EXTRA_OF, install_command

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["model_code"]


@contextmanager
def model_code(uri: str, doing: str, advice: str = "") -> Iterator[None]:
    """Let code of the model run, which may raise anything, and say in one line what it raised.

    Args:
        uri: what the model is called in messages.
        doing: what it cannot do then: "predict these rows".
        advice: what the caller can do, as the end of the message.

    Raises:
        ModelError: it failed, or needs a library that is not installed here.
    """
    try:
        yield
    except InterpError:
        raise
    except Exception as error:
        missing = error if isinstance(error, ModuleNotFoundError) else error.__cause__  # MLflow wraps it
        if isinstance(missing, ModuleNotFoundError):
            raise _library_missing(uri, doing, missing) from error
        msg = f"{uri} cannot {doing} ({error_line(error)})" + (f"; {advice}" if advice else "")
        raise ModelError(msg) from error


def _library_missing(uri: str, doing: str, error: ModuleNotFoundError) -> ModelError:
    module = str(error.name or error).partition(".")[0]
    if module in EXTRA_OF:
        return ModelError(f"{uri} cannot {doing} without {module}: {install_command(module)}")
    return ModelError(
        f"{uri} cannot {doing} without the module {module}: install the package it comes from "
        "(requirements.txt among the model's files may name it)"
    )
