"""The exception tree. The branch an error sits on decides whether trying again makes sense.

```
InterpError
├── UsageError      the caller's mistake: a wrong path, name or option   never retried
│   └── DataError   the caller's data cannot be used as it is            never retried
├── ModelError      this version cannot be explained                     never retried, reason shown
│   └── CheckError  an explanation failed its own checks, not published  never retried, reason shown
└── TrackingError   MLflow or a storage did not answer                   retried
```

A message names what was wrong, where, and what to do about it, in one line.
"""

__all__ = [
    "CheckError",
    "DataError",
    "InterpError",
    "ModelError",
    "TrackingError",
    "UsageError",
]


class InterpError(Exception):
    """Root of everything this library raises on purpose."""


class UsageError(InterpError):
    """The caller asked for something that cannot be: fix the call, do not retry it."""


class DataError(UsageError):
    """The data at the given place cannot be used as it is: fix the data, do not retry."""


class ModelError(InterpError):
    """This model version cannot be explained, and never will be without a change to it."""


class CheckError(ModelError):
    """An explanation did not pass its checks and was therefore not published."""


class TrackingError(InterpError):
    """The tracking server, registry or storage failed to answer: the same call may work later."""
