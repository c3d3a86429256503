"""Reports of checks on the page: the matrix, its cells, and two runs compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Opener

CHECKED = 30_000  # milliseconds; a process lists the clients, and another one checks
SLUGS = ("frame-cl-short-fin", "frame-cl-short-rst", "pace-byte", "status")


def report(client: str, seed: int = 1, **classes: str) -> dict[str, Any]:
    """Return a report in which a client passes all modes but those that are named."""
    verdicts = {"ok": ("PASS", 0), "truncated": ("FAIL", 5), "hang": ("FAIL", 3)}
    modes = {}
    for slug in SLUGS:
        name = classes.get(slug.replace("-", "_"), "ok")
        verdict, rank = verdicts[name]
        modes[slug] = {
            "verdict": verdict, "class": name, "code": "H501", "rank": rank, "family": slug.split("-")[0],
            "ms": 11, "rss": 4_000_000, "attempts": 1, "fired": True,
            "evidence": f"exit 0, {name}.", "expected": "The call fails.", "source": "RFC 9112 §8",
            "issues": [], "wire": "HTTP/1.1 200 OK", "reproduce": f"hamms-trio check --suite {slug}",
        }  # fmt: skip
    return {
        "schema": 1, "client": {"name": client, "argv": [client, "{url}"], "version": "7.88"}, "seed": seed,
        "suite": ["core"], "timeout": 2.0, "modes": modes, "badges": {"no silent truncation": False},
        "inferred": {"timeout.total": {"value": "2.0 s", "confidence": 0.9, "evidence": ["pace-byte"]}},
        "summary": {"score": 90.0},
    }  # fmt: skip


@pytest.fixture
def dropped(visiting: Opener, tmp_path: Path) -> Page:
    """The matrix of a careful client, and of a careless one that was graded twice."""
    page = visiting().open("/#/matrix")
    before = report("careless", 1)
    after = report("careless", 2, frame_cl_short_fin="truncated", pace_byte="hang")
    for number, document in enumerate([before, after, report("careful")]):
        file = tmp_path / f"{number}.json"
        file.write_text(json.dumps(document))
        page.set_input_files("input[type=file]", file)
    expect(page.get_by_role("grid")).to_be_visible()
    return page


def test_a_report_becomes_a_matrix_with_evidence_in_each_cell(dropped: Page) -> None:
    page = dropped
    row = page.get_by_role("row").filter(
        has=page.get_by_role("rowheader", name="frame-cl-short-fin")
    )
    expect(row).to_contain_text("careless exit 0, truncated.")
    page.get_by_role(
        "link", name=re.compile("frame-cl-short-fin, careless: FAIL truncated")
    ).click()
    detail = page.get_by_role("complementary")
    expect(detail).to_contain_text("exit 0, truncated.")
    expect(detail.get_by_role("link", name="RFC 9112 §8").first).to_be_visible()
    expect(detail.get_by_label("The command")).to_have_text(
        "hamms-trio check --suite frame-cl-short-fin"
    )
    expect(detail.get_by_role("img", name=re.compile("^frame-cl-short-fin"))).to_be_visible()
    expect(page).to_have_url(re.compile("#/matrix/frame-cl-short-fin/careless$"))


def test_two_runs_of_a_client_are_compared(dropped: Page) -> None:
    page = dropped
    worse = page.get_by_role("link", name=re.compile("pace-byte, careless: FAIL hang, worse"))
    expect(worse).to_contain_text("▲")
    page.get_by_role("radio", name="changed").check(force=True)
    # Two modes and their families, and the scores.
    expect(page.get_by_role("rowheader")).to_have_count(5)
    page.get_by_role("radio", name="the last", exact=True).check(force=True)
    expect(page.get_by_text("▲")).to_have_count(0)


def test_arrow_keys_move_through_the_cells(dropped: Page) -> None:
    page = dropped
    page.locator('[data-stop="here"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.locator('[data-stop="here"]')).to_be_focused()
    name = page.locator(":focus").get_attribute("aria-label") or ""
    assert name.startswith("frame-cl-short-rst, careful")
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary")).to_be_visible()


def test_verdicts_and_families_can_be_left_out(dropped: Page) -> None:
    page = dropped
    page.get_by_role("checkbox", name="pass").uncheck()
    expect(page.get_by_role("link", name=re.compile("^status, "))).to_have_count(0)
    page.get_by_role("button", name=re.compile("frame")).click()
    expect(page.get_by_title("the worst of frame: truncated")).to_be_visible()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "is no JSON"), ("{}", "is no report"), ('{"schema": 9, "client": {}, "modes": {}}', "schema 9")],
)  # fmt: skip
def test_a_file_that_is_no_report_is_explained(
    visiting: Opener, tmp_path: Path, text: str, reason: str
) -> None:
    page = visiting().open("/#/matrix")
    file = tmp_path / "notes.json"
    file.write_text(text)
    page.set_input_files("input[type=file]", file)
    expect(page.get_by_role("alert")).to_contain_text(reason)


def test_a_check_runs_from_the_page_over_a_client_of_this_machine(visiting: Opener) -> None:
    page = visiting().open("/#/matrix")
    page.get_by_role("button", name="Run a check").click()
    form = page.get_by_role("form", name="Run a check")
    form.get_by_label("client").select_option("curl", timeout=CHECKED)
    form.get_by_label("suite").fill("frame-cl-short-fin")
    form.get_by_role("button", name="Run check").click()
    cell = page.get_by_role("link", name=re.compile("frame-cl-short-fin, curl: PASS ok"))
    expect(cell).to_be_visible(timeout=CHECKED)
