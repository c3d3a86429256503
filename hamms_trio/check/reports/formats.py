"""The formats of a report by their names, as ``--report NAME=FILE`` has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from hamms_trio.check.baseline import Comparison
from hamms_trio.check.report import CheckReport, decode_report, encode_report
from hamms_trio.check.reports.badge import badge
from hamms_trio.check.reports.junit import junit
from hamms_trio.check.reports.markdown import markdown
from hamms_trio.check.reports.page.matrix import report_page
from hamms_trio.errors import HammsError


class ReportUnusable(HammsError, ValueError):
    """A file is no report."""


def _json(report: CheckReport, _comparison: Comparison | None) -> str:
    return encode_report(report).decode()


def _badge(report: CheckReport, _comparison: Comparison | None) -> str:
    return badge(report)


FORMATS: dict[str, Callable[[CheckReport, Comparison | None], str]] = {
    "json": _json,
    "junit": junit,
    "md": markdown,
    "html": report_page,
    "badge": _badge,
}


def render(name: str, report: CheckReport, comparison: Comparison | None = None) -> str:
    """Return the text of a report in the format of this name."""
    return FORMATS[name](report, comparison)


def read_report(path: Path) -> CheckReport:
    """Read a report in JSON.

    Raises:
        ReportUnusable: the file can't be read, or is no report of this version.
    """
    try:
        return decode_report(path.read_bytes())
    except OSError as error:
        raise ReportUnusable(f"can't read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ReportUnusable(f"{path} is no report of `hamms-trio check`: {error}") from error
