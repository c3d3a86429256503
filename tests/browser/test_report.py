"""The page of a report, opened from a file as a user would open it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from hamms_trio.check.reports import Matrix, matrix_page
from tests.browser.conftest import Opener
from tests.browser.opened import AXE, serious_violations
from tests.check.reports.values import example, mode, report


@pytest.fixture
def matrix(visiting: Opener, tmp_path: Path) -> Page:
    """The matrix of two clients."""
    other = report("other", "2.0", frame_cl_short_fin=mode(), pace_byte=mode("hang", family="pace"))
    file = tmp_path / "matrix.html"
    file.write_text(matrix_page(Matrix((example(), other), {})))
    page = visiting(base=file.as_uri()).page
    page.goto(file.as_uri())
    return page


def rows(page: Page) -> list[str]:
    return page.locator(".matrix tbody tr:visible th[scope=row]").all_inner_texts()


def test_filters_show_only_matching_rows(matrix: Page) -> None:
    assert len(rows(matrix)) == 7
    matrix.get_by_label("only rows that differ").check()
    assert rows(matrix) == ["frame-cl-short-fin"]
    matrix.get_by_label("only rows that differ").uncheck()
    matrix.get_by_label("Filter the rows").fill("PACE")
    assert rows(matrix) == ["pace-byte"]
    matrix.get_by_label("Filter the rows").fill("")
    matrix.locator("[name=mark][value=pass]").uncheck()
    assert "frame-close-delimited" not in rows(matrix)
    matrix.get_by_label("family").select_option("coding")
    assert rows(matrix) == ["coding-br"]


def test_a_cell_opens_its_evidence_by_keys_alone(matrix: Page) -> None:
    first = matrix.get_by_title("frame-cl-short-fin, curl: FAIL truncated")
    first.focus()
    matrix.keyboard.press("ArrowDown")
    expect(matrix.get_by_title("frame-cl-plus, curl: WARN lenient")).to_be_focused()
    matrix.keyboard.press("ArrowUp")
    matrix.keyboard.press("Enter")
    expect(matrix.locator("article:visible h2")).to_contain_text("FAIL truncated")
    expect(matrix.locator("article:visible")).to_contain_text("32768 of 65536 octets")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is missing: npm install in tests/browser")
def test_the_page_of_a_report_is_accessible(matrix: Page) -> None:
    assert not serious_violations(matrix)
