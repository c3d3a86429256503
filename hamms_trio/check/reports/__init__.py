"""Reports for people and for programs, each a pure function of the report's values."""

from hamms_trio.check.reports.formats import (
    FORMATS as FORMATS,
    ReportUnusable as ReportUnusable,
    read_report as read_report,
    render as render,
)
from hamms_trio.check.reports.page.matrix import matrix_page as matrix_page
from hamms_trio.check.reports.summary_table import matrix_markdown as matrix_markdown
from hamms_trio.check.reports.withholding import Matrix as Matrix, withhold as withhold
