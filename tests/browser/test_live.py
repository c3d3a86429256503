"""The live view: connections as they happen, and what follows from them."""

from __future__ import annotations

import re
import subprocess

import httpx
from playwright.sync_api import Page, expect

from hamms_trio.blocking import HammsServer
from tests.browser.conftest import Opener

TRAP = "<img src=x onerror=window.hacked=1>"


def watching(visiting: Opener) -> Page:
    """Open the live view, and wait until its stream is open."""
    page = visiting().open("/#/live")
    expect(page.locator(".state .run")).to_have_text(re.compile("running"))
    return page


def test_a_connection_appears_in_its_clients_lane_with_its_detail(
    lab: HammsServer, visiting: Opener
) -> None:
    page = watching(visiting)
    curl = ["curl", "-s", "-A", "shopper/1.0", lab.url("frame-cl-short-fin", "/v1/orders")]
    subprocess.run(curl, capture_output=True, check=False)
    shopper = page.locator("li.lane").filter(has_text="shopper/1.0")
    expect(shopper).to_contain_text("frame-cl-short-fin")
    shopper.get_by_role("link").click()
    detail = page.get_by_role("complementary")
    expect(detail).to_contain_text("GET /v1/orders HTTP/1.1")
    expect(detail).to_contain_text("User-Agent: shopper/1.0")
    expect(detail.get_by_role("img", name=re.compile("the client sends GET"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"#/live/c/\d+$"))
    page.keyboard.press("Escape")
    expect(detail).to_have_count(0)
    expect(shopper.get_by_role("link")).to_be_focused()


def test_names_and_values_of_clients_stay_text(lab: HammsServer, visiting: Opener) -> None:
    page = watching(visiting)
    httpx.get(lab.url("status", "/", status=200), headers={"User-Agent": TRAP, "X-Note": TRAP})
    httpx.get(lab.workbench.url("/%3Cimg%20src=x%20onerror=window.hacked=1%3E"))
    page.locator("li.lane").filter(has_text="<img").get_by_role("link").click()
    expect(page.get_by_role("complementary")).to_contain_text(f"X-Note: {TRAP}")
    page.goto(page.url.split("#")[0] + "#/workbench")
    expect(page.get_by_role("region", name="History").get_by_text("/%3Cimg").first).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator("main img").count() == 0


def test_a_client_that_gives_up_twice_has_a_timeout(lab: HammsServer, visiting: Opener) -> None:
    page = watching(visiting)
    for _ in range(2):
        curl = ["curl", "-s", "-m", "1", "-A", "hasty/2.0", lab.url("tcp-accept-hang")]
        assert subprocess.run(curl, check=False).returncode == 28
    sentence = page.locator(".inf li").filter(has_text="hasty/2.0")
    expect(sentence).to_contain_text(
        re.compile(r"gave up after (0\.9|1\.?\d?) s twice: it has a timeout")
    )
    page.locator("li.lane").filter(has_text="hasty/2.0").get_by_role("link").click()
    detail = page.get_by_role("complementary")
    expect(detail).to_contain_text("2 of 2 of hasty/2.0")
    page.keyboard.press("k")
    expect(detail).to_contain_text("1 of 2 of hasty/2.0")


def test_attempts_of_one_key_are_plotted(lab: HammsServer, visiting: Opener) -> None:
    page = watching(visiting)
    for _ in range(4):
        httpx.get(lab.url("retries", key="plotted"), headers={"User-Agent": "keen/1"})
    plot = page.get_by_role("img", name=re.compile("plotted by keen.1: [34] attempts"))
    expect(plot).to_be_visible()


def test_a_conversation_is_summed_up_and_an_event_opens_its_payload(
    lab: HammsServer, visiting: Opener
) -> None:
    page = watching(visiting)
    httpx.get(lab.url("status", "/?status=503"), headers={"User-Agent": "talker/1"})
    talks = page.get_by_role("region", name="Conversations").get_by_role("row")
    expect(talks.filter(has_text="talker/1")).to_contain_text(f"{lab.ports['status']} status")
    events = page.locator("table.log").get_by_role("row").filter(has_text="talker/1")
    events.get_by_role("link", name="struck").click()
    expect(page.get_by_role("complementary")).to_contain_text('"status": 503')
    expect(page).to_have_url(re.compile(r"#/live/e/\d+$"))


def test_a_filter_shows_only_matching_connections(lab: HammsServer, visiting: Opener) -> None:
    page = watching(visiting)
    for agent in ("one/1", "two/2"):
        httpx.get(lab.url("status", "/", status=204), headers={"User-Agent": agent})
    expect(page.locator("li.lane").filter(has_text="two/2")).to_be_visible()
    page.get_by_role("searchbox").fill("client:one")
    expect(page.locator("li.lane").filter(has_text="two/2")).to_have_count(0)
    expect(page.locator("li.lane").filter(has_text="one/1")).to_be_visible()
    expect(page).to_have_url(re.compile("filter=client"))


def test_the_pages_own_calls_are_hidden_by_default(visiting: Opener) -> None:
    page = watching(visiting)
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator(".log").get_by_text("/api/transcripts")).to_have_count(0)
    page.get_by_label("the page's own calls").check()
    page.goto(page.url.split("#")[0] + "#/modes/pace-byte")
    expect(page.get_by_role("img", name=re.compile("^pace-byte:"))).to_be_visible()
    page.goto(page.url.split("#")[0] + "#/live")
    expect(page.locator(".log").get_by_text("/api/transcripts").first).to_be_visible()


def test_the_page_shows_a_broken_stream_and_its_reconnection(visiting: Opener) -> None:
    visit = visiting()
    page = visit.open("/#/live")
    expect(page.locator(".state .run")).to_have_text(re.compile("running"))
    visit.context.set_offline(True)
    page.evaluate("import('/playground/app/stream.js').then(({reopenStream}) => reopenStream())")
    expect(page.get_by_text("The event stream broke at")).to_be_visible()
    visit.context.set_offline(False)
    expect(page.get_by_text("The event stream broke at")).to_have_count(0)


def test_ten_thousand_events_keep_the_document_small(visiting: Opener) -> None:
    page = watching(visiting)
    page.evaluate(
        """async () => {
          const { connections, version } = await import('/playground/app/live/connections.js');
          const events = Array.from({ length: 10000 }, (_, i) => ({
            id: 1e6 + i, at: Date.now() / 1000, type: 'connection.request', ts: '',
            payload: { connection: 1e6 + (i % 3000), at: Date.now() / 1000, method: 'GET', target: `/${i}`,
                       fields: [['User-Agent', `many/${i % 40}`]], door: 'path', mode: 'ok',
                       client: '127.0.0.1:9' },
          }));
          connections.take(events);
          version.value += 1;
        }"""
    )
    expect(page.locator("table.log")).to_have_attribute("aria-rowcount", re.compile(r"^1\d{4}$"))
    assert page.locator("table.log tbody tr").count() < 100
    assert page.locator("li.lane").count() <= 20
    expect(page.get_by_text(re.compile("more clients; a filter shows them"))).to_be_visible()
