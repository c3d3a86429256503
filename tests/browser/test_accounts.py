"""Roles on the page: a login, a token, and controls that are off for those who may not use them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener
from tests.clients.workbench.server import served


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """The URL of a workbench that asks for a token."""
    with served("--port", "0", "--demo-token", "open sesame") as running:
        yield running.url.replace("127.0.0.1", "localhost")


def test_strangers_can_read_the_page_and_change_nothing(guarded: str, visiting: Opener) -> None:
    page = visiting(guarded).open("/#/workbench")
    expect(page.get_by_text("The records need another role, and you are nobody")).to_be_visible()
    expect(page.get_by_role("button", name="New mock").first).to_be_disabled()


def test_a_token_opens_the_workbench_and_stays_in_the_tab(guarded: str, visiting: Opener) -> None:
    visit = visiting(guarded)
    page = visit.open("/#/workbench")
    dialog = page.get_by_role("dialog", name="Switch role")
    dialog.get_by_role("button", name="Paste a token").click()
    dialog.get_by_label("token").fill("wrong")
    dialog.get_by_role("button", name="Use this token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Nobody here bears this token")
    dialog.get_by_label("token").fill("open sesame")
    dialog.get_by_role("button", name="Use this token").click()
    expect(page.get_by_role("banner").get_by_role("button", name="admin")).to_be_visible()
    expect(page.locator(".state .run")).to_have_text(re.compile("running"))
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("localStorage.length") == 0
    page.reload()
    expect(page.get_by_role("button", name="New mock").first).to_be_enabled()
    page.get_by_role("banner").get_by_role("button", name="admin").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("banner").get_by_role("button", name="nobody")).to_be_visible()


def test_a_workbench_without_the_lab_says_so(guarded: str, visiting: Opener) -> None:
    page = visiting(guarded).open("/")
    expect(page.get_by_text("This workbench runs alone")).to_be_visible()
