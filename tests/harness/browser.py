"""A real browser: Debian's Chromium, driven by playwright, that can reach this machine only."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Route

__all__ = ["LOCAL_PREFIXES", "chromium", "fresh_context"]

LOCAL_PREFIXES = ("http://127.0.0.1:", "data:", "blob:", "file:")
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")

# MLflow opens a chat panel and a tour on the first visit of a browser; both would cover what is looked at.
_NOT_THE_FIRST_VISIT = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser for the length of the block; ``CHROMIUM`` names another executable."""
    executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def fresh_context(browser: Browser, *, first_visit: bool = False) -> Iterator[BrowserContext]:
    """A browser profile without history, in which every request that leaves this machine is refused.

    Args:
        browser: a running one.
        first_visit: leave open what MLflow opens on the first visit of a browser.
    """
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, locale="en-US", timezone_id="UTC")
    context.set_default_timeout(60_000)  # milliseconds: the machine may be busy with other tests
    if not first_visit:
        context.add_init_script(_NOT_THE_FIRST_VISIT)
    context.route("**/*", _local_only)
    try:
        yield context
    finally:
        context.close()


def _local_only(route: Route) -> None:
    if route.request.url.startswith(LOCAL_PREFIXES):
        route.continue_()
    else:
        route.abort()
