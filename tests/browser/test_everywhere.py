"""Properties of every view: accessibility, widths, the policy, and both themes."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from hamms_trio.blocking import HammsServer
from tests.browser.conftest import Opener
from tests.browser.opened import AXE, serious_violations

VIEWS = (
    "/#/modes?q=frame",
    "/#/modes/pace-byte",
    "/#/live",
    "/#/matrix",
    "/#/workbench",
    "/#/workbench/dashboard",
    "/#/workbench/missions",
)


WIDTHS = (1600, 1024, 768, 360, 320)


@pytest.mark.skipif(
    not AXE.exists(), reason="axe-core is not installed: npm install in tests/browser"
)
def test_every_view_passes_the_accessibility_check(visiting: Opener) -> None:
    found = {}
    for dark, views in ((False, VIEWS), (True, VIEWS[1:4])):
        visit = visiting(dark=dark)
        for view in views:
            problems = serious_violations(visit.open(view))
            if problems:
                found[view, dark] = problems
    assert found == {}


def test_no_view_scrolls_sideways(visiting: Opener) -> None:
    visit = visiting()
    too_wide = []
    for view in VIEWS:
        page = visit.open(view)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                too_wide.append((view, width))
    assert not too_wide


def test_the_theme_is_switched_and_kept_in_the_tab(visiting: Opener) -> None:
    page = visiting().open("/#/live")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="theme").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Live")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_the_policy_lets_no_foreign_or_inline_script_run(lab: HammsServer) -> None:
    answer = httpx.get(lab.workbench.url("/"), headers={"Accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "<script>" not in answer.text
    assert "style=" not in answer.text


def test_an_unknown_view_links_to_the_first_view(visiting: Opener) -> None:
    page = visiting().open("/#/nowhere")
    page.get_by_role("link", name="Begin with the failure modes.").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("misbehaves")
