"""Reports of several clients side by side."""

from __future__ import annotations

from hamms_trio.check.reports import Matrix, matrix_page, withhold
from tests.check.reports.values import mode, report

ONE = report("one", "1.0", frame_a=mode(), conn_b=mode("injected", family="conn"))
OTHER = report("other", "2.0", frame_a=mode("hang"), conn_b=mode(family="conn"))


def test_a_matrix_has_a_column_for_each_client() -> None:
    page = matrix_page(Matrix((ONE, OTHER), {}))
    assert page.count('class="col"') == 2
    assert 'aria-label="frame-a, other: FAIL hang"' in page
    assert 'aria-label="conn-b, one: FAIL injected"' in page


def test_withheld_rows_name_no_client() -> None:
    page = matrix_page(withhold((ONE, OTHER)))
    assert page.count('class="c held"') == 2
    assert "injected" not in page.partition("<main>")[2].replace("injected, leak", "")
    assert "no injection" not in page
    assert 'aria-label="frame-a, other: FAIL hang"' in page


def test_scores_of_withheld_rows_do_not_tell() -> None:
    first, second = withhold((ONE, OTHER)).reports
    assert first.summary.score == 100
    assert (first.summary.passed, second.summary.passed) == (1, 0)
