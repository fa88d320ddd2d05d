"""Why there is no answer: what the child met, in one line, and the same error again in the parent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from interp_pipeline.errors import (
    CheckError,
    DataError,
    InterpError,
    ModelError,
    ModelProcessError,
    NoDataError,
    UsageError,
)
from interp_pipeline.handover.untrusted_json import BadAnswerError, Node
from interp_pipeline.tracking.server.translate_errors import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST_FAILURE_BYTES", "failure_from_json", "failure_to_json"]

MOST_FAILURE_BYTES = 65_536
_LONGEST_MESSAGE = 4_000  # characters
_OUT_OF_MEMORY = "MemoryError"
# Those a computation may end with. That something did not answer and may be tried again is not the child's to say.
_KINDS: dict[str, type[InterpError]] = {
    kind.__name__: kind for kind in (UsageError, DataError, ModelError, CheckError, NoDataError)
}
_FORBIDDEN = " (where a worker explains it, a model can start no process, reach no network and write no lasting file)"
_MEMORY_WORDS = ("bad_alloc", "ResourceExhausted", "OOM when allocating")  # of libraries with errors of their own


def failure_to_json(error: BaseException, uri: str) -> bytes:
    """What the child says of an error, whatever it is.

    Args:
        error: what ended the computation; an exit that the model's code asked for is one.
        uri: what the model is called in messages.
    """
    forbidden = any(isinstance(each, PermissionError) for each in _chain(error))
    of_memory = next((each for each in _chain(error) if _is_of_memory(each)), None)
    if of_memory is not None:
        kind, message = _OUT_OF_MEMORY, f"{uri}: the memory it was given was not enough ({_said(of_memory)})"
    elif isinstance(error, InterpError) and type(error).__name__ in _KINDS:
        kind, message = type(error).__name__, str(error)
    elif isinstance(error, (SystemExit, KeyboardInterrupt)):
        kind = ModelError.__name__
        message = f"{uri}: its code ended the process while it was explained ({type(error).__name__}); let it return"
    else:
        kind, message = ModelError.__name__, f"{uri}: unexpected {_said(error)}; report it, or train the model again"
    return json.dumps({"kind": kind, "message": _one_line(f"{message}{_FORBIDDEN if forbidden else ''}")}).encode()


def failure_from_json(content: bytes) -> InterpError:
    """The error the child reports, to be raised by the parent.

    Raises:
        BadAnswerError: that is no report of an error.
    """
    kind, message = Node.parse(content, "error.json").fields("kind", "message")
    said = _one_line(message.text())
    if kind.text() == _OUT_OF_MEMORY:
        return ModelProcessError(said, kind="out_of_memory")
    if kind.text() not in _KINDS:
        msg = "error.json names a kind of error that a computation does not end with"
        raise BadAnswerError(msg)
    return _KINDS[kind.text()](said)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, for libraries and ourselves wrap what others raise."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _is_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(word in _said(error) for word in _MEMORY_WORDS)


def _said(error: BaseException) -> str:
    """Type and first line of an error, even where it cannot say what it is."""
    kind = type(error).__name__
    try:
        said = first_line(error)
    except Exception:  # noqa: BLE001 - the model's code may bring errors of its own, whose __str__ raises
        return kind
    return kind if said == kind else f"{kind}: {said}"


def _one_line(message: str) -> str:
    """A message that can be printed, logged and stored anywhere."""
    line = " ".join(message.split())
    printable = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
    return printable[:_LONGEST_MESSAGE]
