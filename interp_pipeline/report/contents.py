"""The table of contents of a page, and an anchor at every heading: from the headings themselves.

MLflow shows a page in a frame that may go nowhere, not even to an anchor of its own: a link in it is dead. A label is
not: what it belongs to, a radio button in the heading that nobody sees, gets the focus, and the browser brings that
into view. With the keyboard the buttons are one group, whose arrows go from section to section.
"""

from __future__ import annotations

import html
import re
from itertools import chain, count

__all__ = ["PLACE", "with_contents"]

PLACE = "<!-- contents -->"  # where a template wants the table of contents
_HEADING = re.compile(r"<h(?P<level>[23])>(?P<title>[^<]*)</h(?P=level)>")


def with_contents(page: str) -> str:
    """Give every section and subsection an anchor, and list the sections behind ``PLACE``.

    Args:
        page: HTML in which texts are escaped and headings hold nothing but text.

    Returns:
        The page; anchors are made of titles: ``#what-drives-it``, ``#row-17``, a second one of a title
        ``#all-features-2``.
    """
    before, place, after = page.partition(PLACE)
    taken: set[str] = set()
    entries: list[str] = []

    def with_anchor(heading: re.Match[str]) -> str:
        level, title = heading["level"], heading["title"]
        plain = re.sub(r"[^a-z0-9]+", "-", html.unescape(title).lower()).strip("-") or "section"
        anchor = next(name for name in chain([plain], (f"{plain}-{n}" for n in count(2))) if name not in taken)
        taken.add(anchor)
        if level == "2":
            entries.append(f'<li><label for="at-{anchor}">{title}</label></li>')
            button = f'<input type="radio" name="section" id="at-{anchor}" aria-labelledby="{anchor}">'
            return f'<h2 id="{anchor}">{button}{title}</h2>'
        return f'<h3 id="{anchor}">{title}</h3>'

    after = _HEADING.sub(with_anchor, after)
    return f"{before}{_navigation(entries)}{after}" if place else page


def _navigation(entries: list[str]) -> str:
    items = "\n".join(entries)
    return f'<nav aria-label="Contents">\n<ol>\n{items}\n</ol>\n</nav>'
