"""The exception tree. The branch an error sits on decides whether trying again makes sense.

```
InterpError
├── UsageError              the caller's mistake: a wrong path, name or option    never retried
│   ├── DataError           the caller's data cannot be used as it is             never retried
│   └── RefusedError        MLflow or a storage refuses us, or what we ask        retried by who works unattended
├── ModelError              this version cannot be explained                      never retried, reason shown
│   ├── CheckError          an explanation failed its own checks, not published   never retried, reason shown
│   ├── GoneError           the version, its run or its files were deleted        never retried
│   ├── NoDataError         no rows or background data to explain it with         never retried, says what to add
│   └── SourceRefusedError  its files lie where they must not be read from        never retried, reason shown
├── ModelProcessError       the process that ran the model died                   retried twice
└── TrackingError           MLflow or a storage did not answer                    retried
```

A message names what was wrong, where, and what to do about it, in one line.
"""

from typing import Literal

__all__ = [
    "CheckError",
    "DataError",
    "GoneError",
    "InterpError",
    "ModelError",
    "ModelProcessError",
    "NoDataError",
    "RefusedError",
    "SourceRefusedError",
    "TrackingError",
    "UsageError",
]


class InterpError(Exception):
    """Root of everything this library raises on purpose."""


class UsageError(InterpError):
    """The caller asked for something that cannot be: fix the call, do not retry it."""


class DataError(UsageError):
    """The data at the given place cannot be used as it is: fix the data, do not retry."""


class RefusedError(UsageError):
    """MLflow or a storage answered, and refused: no right, a wrong credential, a bucket that does not exist.

    A person has to change something. Who works unattended tries again later, for then it may be changed.
    """


class ModelError(InterpError):
    """This model version cannot be explained, and never will be without a change to it."""


class CheckError(ModelError):
    """An explanation did not pass its checks and was therefore not published."""


class GoneError(ModelError):
    """The version, its run or its files were deleted: there is nothing to explain, or nowhere to write it."""


class NoDataError(ModelError):
    """There are no rows to explain this version on, or no background data: somebody has to name them."""


class SourceRefusedError(ModelError):
    """The version names files that must not be read for it: they lie elsewhere, are too many or too large."""


class ModelProcessError(InterpError):
    """The process that ran the model's code died; the next attempt may get further.

    Attributes:
        kind: what ended it: a crash, its limit of memory or its limit of time; or a call around it never returned.
    """

    def __init__(self, message: str, *, kind: Literal["crashed", "out_of_memory", "out_of_time", "stuck"]) -> None:
        """Say what happened, and of which kind it was."""
        super().__init__(message)
        self.kind = kind


class TrackingError(InterpError):
    """The tracking server, registry or storage failed to answer: the same call may work later."""
