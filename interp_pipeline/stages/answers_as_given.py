"""The registered model is asked about the rows as they were given; where that is not what is explained, nothing is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from interp_pipeline.checks.rows_as_given import changed_columns, column_to_blame, first_difference
from interp_pipeline.errors import ModelError
from interp_pipeline.plain_text import shown
from interp_pipeline.tracking.server.translate_errors import first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from interp_pipeline.checks.rows_as_given import Answer
    from interp_pipeline.tracking.models.load import LoadedModel

__all__ = ["answers_as_given"]

_LONGEST_REASON = 200


def answers_as_given(loaded: LoadedModel, uri: str) -> tuple[Any, tuple[str, ...]]:
    """What the registered model answers for the explained rows, as they were given and as it is asked about them.

    Between the rows somebody gave and the model stand types, codes and masks. The model that MLflow serves gets both
    forms of the rows to explain and of the background data, and has to give the same answers; where no cell changed
    it is asked once.

    Args:
        loaded: the model, with the rows in both forms.
        uri: what the model is called in messages.

    Returns:
        Its answer for the rows to explain; None where it refuses them, or is the explained model itself. And remarks:
        what it said where it refuses rows as they were given.

    Raises:
        ModelError: the answers differ. The message names the column whose form alone changes them, where there is one.
    """
    if loaded.served is None:
        return None, ()
    served = loaded.served

    def ask(rows: pd.DataFrame) -> Answer:
        try:
            return served(rows)
        except Exception as error:  # noqa: BLE001 - MLflow's wrapper and the model's code raise what they like
            return error

    answer, remark = _hold(ask, loaded.given, loaded.as_asked(loaded.rows), "rows to explain", uri)
    _, other = _hold(ask, loaded.given_background, loaded.as_asked(loaded.background), "background data", uri)
    remarks = [each for each in (remark or other,) if each]  # what is said of the one is true of the other
    return (None if isinstance(answer, Exception) else answer), tuple(remarks)


def _hold(
    ask: Callable[[pd.DataFrame], Answer], given: pd.DataFrame, asked: pd.DataFrame, what: str, uri: str
) -> tuple[Answer, str]:
    """The model's answer for rows in both forms, and what is to be said of it."""
    answer = ask(given)
    changed = changed_columns(given, asked)
    if isinstance(answer, Exception):
        refused = f"The registered model refuses the {what} as they were given ({_reason(answer)})"
        answer = ask(asked) if changed else answer
        if isinstance(answer, Exception):
            return answer, f"{refused}, so its own answers could not be compared."
        return answer, f"{refused}; they are explained in the types that its signature declares."
    if not changed:
        return answer, ""
    other = ask(asked)
    row = first_difference(answer, other)
    if row is None:
        return answer, ""
    blamed = column_to_blame(ask, given, asked, answer, row)
    names = changed if blamed is None else (blamed,)
    columns = ", ".join(_compared(name, given, asked, row) for name in names[:3])
    msg = (
        f"{uri}: for row {given.index[row]} of the {what} the registered model {_contrast(answer, other, row)}: "
        f"{columns}; so nothing is explained. Give the column in the type the model was trained on, in the rows to "
        "explain and in the background data"
    )
    raise ModelError(msg)


def _contrast(answer: Answer, other: Answer, row: int) -> str:
    first = _of_row(answer, row)
    if isinstance(other, Exception):
        return f"answers {first} as it was given, and refuses it ({_reason(other)}) as it would be explained"
    return f"answers {first} as it was given, and {_of_row(other, row)} as it would be explained"


def _of_row(answer: Answer, row: int) -> str:
    """A row of an answer, in words."""
    cells = np.asarray(answer, dtype=object)
    if not cells.ndim:  # several outputs by name
        return "otherwise"
    return shown(cells[row].tolist() if isinstance(cells[row], np.ndarray) else cells[row])


def _compared(name: Any, given: pd.DataFrame, asked: pd.DataFrame, row: int) -> str:
    forms = [f"{shown(str(part[name].iloc[row]))} of the type {part[name].dtype}" for part in (given, asked)]
    return f"column {shown(name)} was given as {forms[0]} and read as {forms[1]}"


def _reason(error: Exception) -> str:
    """What MLflow or the model said; MLflow quotes the rows before it."""
    return first_line(Exception(str(error).rpartition("Error: ")[2]))[:_LONGEST_REASON]
