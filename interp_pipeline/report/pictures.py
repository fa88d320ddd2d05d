"""Pictures as part of a page: embedded, titled, described for those who do not see them."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from interp_pipeline.report.wording import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Picture", "other_pictures", "picture", "pictures"]

_KEY = re.compile(r"(?P<stem>.*?)(?:_(?P<number>-?\d+))?")

# Title, and how to read it.
_TEXTS = {
    "importance": (
        "Which features matter most",
        "The longer the bar, the more the feature moves predictions, up or down. The thin line is the uncertainty.",
    ),
    "beeswarm": (
        "Which values push which way",
        (
            "One dot per row and feature. Right of the middle line the feature raises the prediction, left it "
            "lowers it; "
            "the colour shows whether the row's value is low or high."
        ),
    ),
    "heatmap": (
        "All rows at a glance",
        (
            "One column per row, one line per feature; the colour shows how far the feature pushes that row's "
            "prediction "
            "up or down. Rows with similar explanations stand side by side."
        ),
    ),
    "dependence": (
        "Effect by value",
        "One dot per row: the feature's value, and how far it moved the prediction for that row.",
    ),
    "interactions": (
        "Which features act together",
        (
            "Bars: the pairs that do most together, beyond what each of the two does alone. Below: every pair among "
            "the features concerned; the darker the cell, the stronger, and in grey what the feature does alone."
        ),
    ),
    "waterfall": (
        "From the average to this prediction",
        (
            "Read along the bars from the average prediction to the prediction for this row: each bar is one "
            "feature's push."
        ),
    ),
    "lime": (
        "The same row seen by LIME",
        "The longer the bar, the more the feature counts in LIME's simple model of this one prediction.",
    ),
    "confusion_matrix": (
        "Right and wrong answers on the test rows",
        "Lines are the true classes, columns the model's answers; the diagonal is right.",
    ),
    "residuals": (
        "Errors on the test rows",
        "One dot per test row: the closer to the line, the closer the prediction was to the truth.",
    ),
    "epochs": (
        "How the network learned",
        "The error while learning, pass by pass, on the rows it learned from and on others.",
    ),
    "agreement_matrix": (
        "How alike the versions rank features",
        "Each cell is the agreement of two versions; the closer to 1, the more alike.",
    ),
    "rank_flow": (
        "How the order of features changed",
        "Each line follows a feature's rank from version to version; the top is the most important.",
    ),
    "shift": (
        "Which features gained and lost importance",
        (
            "The dots are the feature's importance in each version. Names in bold changed by more than noise; the "
            "change and its interval stand on the right."
        ),
    ),
    "disagreement": (
        "Where the versions disagree about single rows",
        (
            "How far the two explanations of the same row lie apart: on the left rows explained alike, on the right "
            "those to look at."
        ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture, ready for a template."""

    title: str
    reading: str  # how to read it; empty for a picture this page does not know
    alt: str
    source: str  # data: URI


def picture(all_pictures: Mapping[str, bytes], key: str) -> Picture | None:
    """The picture of that key; None where it was not drawn."""
    if key not in all_pictures:
        return None
    stem, title, reading = _texts(key)
    encoded = base64.b64encode(all_pictures[key]).decode("ascii")
    alt = f"{title}. {reading}".strip() if stem in _TEXTS else f"Picture {title}."
    return Picture(title=title, reading=reading, alt=alt, source=f"data:image/png;base64,{encoded}")


def pictures(all_pictures: Mapping[str, bytes], stem: str) -> tuple[Picture, ...]:
    """The picture of that stem and those numbered after it, by number."""
    numbered = [(match["stem"], int(match["number"] or 0), key) for key in all_pictures if (match := _match(key))]
    keys = [key for found, _, key in sorted(numbered) if found == stem]
    drawn = (picture(all_pictures, key) for key in keys)
    return tuple(one for one in drawn if one is not None)


def other_pictures(all_pictures: Mapping[str, bytes], shown: set[str]) -> tuple[Picture, ...]:
    """Pictures whose key is not in ``shown``, by key, so that none is lost without a word."""
    drawn = (picture(all_pictures, key) for key in sorted(set(all_pictures) - shown))
    return tuple(one for one in drawn if one is not None)


def _match(key: str) -> re.Match[str] | None:
    return _KEY.fullmatch(key)


def _texts(key: str) -> tuple[str, str, str]:
    match = _match(key)
    stem = key if match is None or key in _TEXTS else match["stem"]
    if stem in _TEXTS:
        return stem, *_TEXTS[stem]
    return stem, clean(key), ""
