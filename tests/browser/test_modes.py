"""The failure modes on the page: found, drawn, filled in, copied, tried."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from playwright.sync_api import Page, expect

from hamms_trio.blocking import HammsServer
from tests.browser.conftest import Opener


def test_the_first_view_plays_one_mode_and_lists_the_others(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("misbehaves in one exact way")
    example = page.get_by_role("article")
    expect(example.get_by_role("img", name="frame-cl-short-fin")).to_be_visible()
    expect(example.get_by_text("2000 never do").first).to_be_visible()
    expect(example.get_by_text("network error")).to_be_visible()
    assert page.locator("table.cat tbody tr:not(.fam)").count() > 300


def test_the_search_knows_slugs_ports_sections_and_symptoms(lab: HammsServer, page: Page) -> None:
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search the failure modes")
    expect(search).to_be_focused()
    for words, slug in (
        ("pace byte", "pace-byte"),
        (str(lab.ports["tcp-refused"]), "tcp-refused"),
        ("RFC 9112 §9.5", "pace-byte"),
        ("truncated frame fin", "frame-cl-short-fin"),
    ):
        search.fill(words)
        expect(page.get_by_role("rowheader", name=slug, exact=True).first).to_be_visible()
    search.fill("half a jsn")
    expect(page.get_by_text("No mode matches “half a jsn”")).to_be_visible()
    page.get_by_role("button", name="Clear the search").click()
    expect(page.get_by_role("rowheader", name="tcp-refused", exact=True)).to_be_visible()


def test_enter_opens_the_mode_that_was_searched_for(lab: HammsServer, page: Page) -> None:
    for words, slug in (("status", "status"), (str(lab.ports["tcp-refused"]), "tcp-refused")):
        page.keyboard.press("1")
        page.keyboard.press("/")
        search = page.get_by_role("searchbox", name="Search the failure modes")
        search.fill(words)
        search.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text(slug)
        page.locator("main").focus()


def test_a_mode_opens_at_its_top_and_back_restores_the_list(page: Page) -> None:
    row = page.get_by_role("rowheader", name="ok-upload", exact=True)
    row.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 1000
    row.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("ok-upload")
    page.wait_for_function("scrollY === 0")
    page.go_back()
    page.wait_for_function(f"Math.abs(scrollY - {place}) < 100")


def test_a_mode_without_parameters_says_so_from_the_left_edge(visiting: Opener) -> None:
    page = visiting().open("/#/modes/tcp-refused")
    form, sentence = (
        page.get_by_role("form", name="Arguments"),
        page.get_by_text("no parameters of its own"),
    )
    left = [place.bounding_box()["x"] for place in (form, sentence)]  # type: ignore[index] # both are visible
    assert left[0] == left[1]


def test_a_trace_shows_each_mode_in_its_row(page: Page) -> None:
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="tcp-refused"))
    row.first.scroll_into_view_if_needed()
    expect(row.first.locator("svg.trace .krst")).to_be_attached()


def test_a_card_says_how_named_clients_fared(visiting: Opener) -> None:
    page = visiting().open("/#/modes/frame-cl-long")
    fared = page.get_by_role("region", name="How clients fared")
    expect(fared).to_contain_text(re.compile(r"of \d+ reported an error: .*aiohttp \d"))
    expect(fared).to_contain_text(re.compile(r"delivered a body other than the canary: .*curl \d"))


def test_arguments_change_the_drawing_and_the_address(visiting: Opener) -> None:
    page = visiting().open("/#/modes/pace-byte")
    drawing = page.get_by_role("img", name=re.compile("^pace-byte:"))
    expect(drawing.get_by_text("5.000", exact=True)).to_be_visible()
    page.get_by_label("interval").fill("0.5")
    expect(drawing.get_by_text("0.500", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile(r"#/modes/pace-byte\?interval=0.5$"))
    expect(page.get_by_label("The curl client")).to_contain_text("?interval=0.5")
    page.reload()
    expect(page.get_by_label("interval")).to_have_value("0.5")


def test_a_value_out_of_range_is_explained_once_the_field_is_left(visiting: Opener) -> None:
    page = visiting().open("/#/modes/pace-byte")
    field = page.get_by_label("interval")
    field.fill("-1")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    field.blur()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("-1 is out of range")).to_be_visible()
    expect(page.get_by_role("button", name="Fetch it")).to_be_disabled()


def test_the_copied_command_meets_the_mode(visiting: Opener) -> None:
    page = visiting().open("/#/modes/frame-cl-short-fin")
    for door in ("own port", "path", "Host", "field", "proxy", "armed"):
        page.get_by_role("radio", name=door, exact=True).check(force=True)
        command = page.get_by_label("The curl client").text_content()
        assert command
        ended = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
        assert ended.returncode == 18, (door, ended.stderr)


def test_the_copied_command_meets_a_mode_of_tls(visiting: Opener, tmp_path: Path) -> None:
    page = visiting().open("/#/modes/tls-expired")
    expect(
        page.get_by_role("img", name=re.compile("alert 45, certificate_expired"))
    ).to_be_visible()
    for door in ("own port", "SNI"):
        page.get_by_role("radio", name=door, exact=True).check(force=True)
        command = page.get_by_label("The curl client").text_content()
        assert command
        ended = subprocess.run(
            ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=False
        )
        assert ended.returncode == 60, (door, ended.stderr)


def test_snippets_are_offered_for_python_and_node(visiting: Opener) -> None:
    page = visiting().open("/#/modes/status")
    page.get_by_label("status", exact=True).fill("503")
    page.get_by_role("radio", name="Python").check(force=True)
    code = page.get_by_label("The python client").text_content() or ""
    assert "import httpx" in code
    assert "status=503" in code
    compile(code, "snippet", "exec")
    page.get_by_role("radio", name="Node").check(force=True)
    expect(page.get_by_label("The node client")).to_contain_text("await fetch(")


def test_the_browser_tries_a_mode_and_says_how_it_ended(visiting: Opener) -> None:
    page = visiting().open("/#/modes/frame-cl-short-fin")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.locator(".try .res")).to_contain_text("TypeError: network error")
    page.goto(page.url.replace("frame-cl-short-fin", "status"))
    page.get_by_label("status", exact=True).fill("418")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.locator(".try .res")).to_contain_text("418")


def test_an_attempt_ends_at_its_limit_or_when_it_is_stopped(visiting: Opener) -> None:
    page = visiting().open("/#/modes/frame-cl-short-hang")
    page.get_by_label("limit").fill("0.3")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.locator(".try .res")).to_contain_text("TimeoutError")
    page.get_by_label("limit").fill("60")
    page.get_by_role("button", name="Fetch it").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".try .res")).to_contain_text("stopped after")


def test_a_mode_that_needs_its_port_is_tried_there(visiting: Opener) -> None:
    page = visiting().open("/#/modes/tcp-refused")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.locator(".try .res")).to_contain_text("TypeError: Failed to fetch")


def test_keys_lead_from_mode_to_mode_and_view_to_view(visiting: Opener) -> None:
    page = visiting().open("/#/modes/pace-byte")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("pace-byte")
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile("pace-byte$"))
    page.keyboard.press("2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Live")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_the_transcript_can_be_read_as_text(visiting: Opener) -> None:
    page = visiting().open("/#/modes/frame-cl-short-fin")
    page.get_by_role("radio", name="text", exact=True).check(force=True)
    expect(page.get_by_label("The transcript")).to_contain_text("Content-Length: 2029")
    expect(page.get_by_label("The transcript")).to_contain_text("FIN")
