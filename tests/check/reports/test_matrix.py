"""Reports of several clients side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hamms_trio.check.report import encode_report
from hamms_trio.check.reports import Matrix, matrix_page, withhold
from hamms_trio.cli import main
from tests.check.reports.values import mode, report

ONE = report("one", "1.0", frame_a=mode(), conn_b=mode("injected", family="conn"))
OTHER = report("other", "2.0", frame_a=mode("hang"), conn_b=mode(family="conn"))


def test_a_matrix_has_a_column_for_each_client() -> None:
    page = matrix_page(Matrix((ONE, OTHER), {}))
    assert page.count('class="col"') == 2
    assert 'title="frame-a, other: FAIL hang"' in page
    assert 'title="conn-b, one: FAIL injected"' in page


def test_withheld_rows_name_no_client() -> None:
    page = matrix_page(withhold((ONE, OTHER)))
    assert page.count('class="c held"') == 2
    assert "injected" not in page.partition("<main>")[2].replace("injected, leak", "")
    assert "no injection" not in page
    assert 'title="frame-a, other: FAIL hang"' in page


def test_scores_leave_out_withheld_rows() -> None:
    first, second = withhold((ONE, OTHER)).reports
    assert first.summary.score == 100
    assert (first.summary.passed, second.summary.passed) == (1, 0)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    written = []
    for report_ in (ONE, OTHER):
        file = tmp_path / f"{report_.client.name}.json"
        file.write_bytes(encode_report(report_))
        written.append(str(file))
    return written


def test_the_command_merges_files_by_the_ending(files: list[str], tmp_path: Path) -> None:
    for ending, begins in ((".html", "<!doctype html>"), (".md", "| client | version |")):
        output = tmp_path / f"matrix{ending}"
        result = CliRunner().invoke(main, ["report", "merge", *files, "-o", str(output)])
        assert result.exit_code == 0, result.output
        assert output.read_text().startswith(begins)


def test_the_table_counts_the_modes_that_each_client_passes(files: list[str]) -> None:
    result = CliRunner().invoke(main, ["report", "merge", *files, "--format", "md", "--withhold"])
    assert "| one | 1.0 | 100 | 1 of 1 | 0 | 0 | 0 | 0 |" in result.output
    assert "Withheld modes: 1." in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["none.json"], "can't read none.json"),
        (["{file}", "-o", "matrix.pdf"], "ends neither in .html nor in .md"),
        (["{file}", "-o", "none/matrix.html"], "can't write none/matrix.html"),
    ],
)
def test_the_command_refuses_unusable_files(
    files: list[str], arguments: list[str], complaint: str
) -> None:
    given = [argument.replace("{file}", files[0]) for argument in arguments]
    result = CliRunner().invoke(main, ["report", "merge", *given])
    assert result.exit_code == 2
    assert complaint in result.output
