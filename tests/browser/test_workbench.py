"""The workbench on the page: mocks, history, replay, the lab, the boards."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from hamms_trio.blocking import HammsServer
from tests.browser.conftest import Opener


@pytest.fixture(autouse=True)
def fresh(lab: HammsServer) -> Iterator[None]:
    """Begin without mocks and without a history."""
    lab.workbench.start_afresh()
    yield
    lab.workbench.start_afresh()


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=re.compile(f"^{name}"))


def test_a_mock_is_made_answers_and_is_deleted(lab: HammsServer, visiting: Opener) -> None:
    page = visiting().open("/#/workbench")
    mocks = section(page, "Mocks")
    mocks.get_by_role("button", name="New mock").first.click()
    mocks.get_by_label("path").fill("/checkout")
    mocks.get_by_label("body").fill('{"total": 42.5}')
    mocks.get_by_role("button", name="Save").click()
    expect(mocks.get_by_role("link", name="/checkout")).to_be_visible()
    assert httpx.get(lab.workbench.url("/checkout")).json() == {"total": 42.5}
    mocks.get_by_role("link", name="/checkout").click()
    mocks.get_by_label("status").fill("404")
    mocks.get_by_role("button", name="Save").click()
    expect(mocks.get_by_role("cell", name="404")).to_be_visible()
    mocks.get_by_role("link", name="/checkout").click()
    mocks.get_by_role("button", name="Delete").click()
    expect(mocks.get_by_text("no answers of yours yet")).to_be_visible()


def test_a_refused_mock_shows_the_reason_and_stays_in_the_editor(
    lab: HammsServer, visiting: Opener
) -> None:
    lab.workbench.mock("/taken")
    page = visiting().open("/#/workbench/mocks/new")
    mocks = section(page, "Mocks")
    mocks.get_by_label("path").fill("/taken")
    mocks.get_by_role("button", name="Save").click()
    expect(mocks.get_by_role("alert")).to_contain_text("already exists")
    expect(mocks.get_by_label("path")).to_have_value("/taken")


def test_requests_enter_the_history_at_once_and_are_compared(
    lab: HammsServer, visiting: Opener
) -> None:
    page = visiting().open("/#/workbench")
    expect(page.locator(".state .run")).to_have_text(re.compile("running"))
    history = section(page, "History")
    lab.workbench.mock("/price", body='{"total": 42.0}')
    httpx.get(lab.workbench.url("/price"))
    lab.workbench.mock("/other", body='{"total": 42.5}')
    httpx.get(lab.workbench.url("/other"))
    history.get_by_role("button", name="/price").click()
    expect(history.get_by_text('{"total": 42.0}')).to_be_visible()
    history.get_by_role("button", name="/other").click()
    removed, added = history.locator("tr.del mark"), history.locator("tr.add mark")
    expect(removed.filter(has_text="0")).not_to_have_count(0)
    expect(added.filter(has_text="5")).not_to_have_count(0)


def test_a_replay_shows_its_answer_beside_the_original(lab: HammsServer, visiting: Opener) -> None:
    mock = lab.workbench.mock("/price", body="before")
    httpx.get(lab.workbench.url("/price?a=1"))
    lab.workbench.delete_mock(str(mock["id"]))
    page = visiting().open("/#/workbench")
    history = section(page, "History")
    history.get_by_role("button", name="/price").click()
    history.get_by_role("button", name="Replay A").click()
    expect(history.get_by_text("The replay was answered 404; the original, 200.")).to_be_visible()
    expect(history.locator("tr.del").filter(has_text="before")).to_be_visible()
    history.get_by_role("button", name="Make a mock of A").click()
    expect(section(page, "Mocks").get_by_label("body")).to_have_value("before")


def test_the_history_is_filtered_by_the_server(lab: HammsServer, visiting: Opener) -> None:
    for path in ("/apples", "/pears"):
        httpx.get(lab.workbench.url(path))
    page = visiting().open("/#/workbench")
    history = section(page, "History")
    expect(history.get_by_role("button", name="/pears")).to_be_visible()
    history.get_by_role("searchbox").fill("apples status:404")
    expect(history.get_by_role("button", name="/pears")).to_have_count(0)
    expect(history.get_by_role("button", name="/apples")).to_be_visible()


def test_the_lab_sends_a_request_and_shows_the_answer(visiting: Opener) -> None:
    page = visiting().open("/#/workbench")
    form = page.get_by_role("form", name="Send a request")
    form.get_by_label("method").select_option("POST")
    form.get_by_label("path").fill("/submit")
    form.get_by_role("button", name="headers, body").click()
    form.get_by_label("body", exact=True).fill("abc")
    form.get_by_role("button", name="Send").click()
    expect(form.locator(".answer")).to_contain_text("Received POST body: abc")


def test_the_dashboard_stands_at_its_old_address(lab: HammsServer, visiting: Opener) -> None:
    for _ in range(3):
        httpx.get(lab.workbench.url("/"))
    page = visiting().open("/static/dashboard.html")
    expect(page.get_by_role("heading", name="Since the server began")).to_be_visible()
    expect(page.get_by_role("rowheader", name="GET /", exact=True)).to_be_visible()
    expect(page.get_by_role("rowheader", name=re.compile("GET .playground"))).to_have_count(0)
    expect(page.get_by_role("img", name=re.compile("Latency over ten minutes"))).to_be_visible()


def test_the_minimal_playground_begins_at_the_workbench(visiting: Opener) -> None:
    page = visiting().open("/playground-minimal")
    expect(page.get_by_role("heading", level=1)).to_have_text("Workbench")
    page = visiting().open("/playground")
    expect(page.get_by_role("heading", level=1)).to_contain_text("misbehaves")
