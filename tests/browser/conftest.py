"""One lab for each worker, and one browser for each module; each test visits the page afresh.

Playwright's loop runs in this thread, where no other loop can run meanwhile, so it ends with the tests of a module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hamms_trio.blocking import HammsServer
from tests.browser.opened import CHROMIUM, Visit, launched

Opener = Callable[..., Visit]
expect.set_options(timeout=30_000)  # ms; a safety net for a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab() -> Iterator[HammsServer]:
    with HammsServer(beginning_port=0, workbench=True, seed=7) as lab:
        yield lab


@pytest.fixture
def visiting(browser: Browser, lab: HammsServer) -> Iterator[Opener]:
    """A function that begins a visit; at the end of the test no visit may have complained."""
    visits: list[Visit] = []

    def begin(base: str = "", *, width: int = 1280, dark: bool = False) -> Visit:
        # A browser reaches names beneath localhost by themselves, as people do.
        base = base or lab.workbench.url("/").replace("127.0.0.1", "localhost")
        visits.append(Visit(browser, base, width=width, dark=dark))
        return visits[-1]

    yield begin
    complaints = [complaint for visit in visits for complaint in visit.complaints]
    for visit in visits:
        visit.close()
    assert not complaints


@pytest.fixture
def page(visiting: Opener) -> Page:
    """The page's first view."""
    return visiting().open("/")
