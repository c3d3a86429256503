"""Clients of event streams, whose text is compared with that of a healthy stream."""

from __future__ import annotations

from hamms_trio.check.client import Command
from tests.check.checks import checked, classes

# Prints the data of lines that look as those of most servers do, and believes each end.
NAIVE = "set -o pipefail; curl -sSf --max-time $2 $1 | tr '\\r' '\\n' | sed -n 's/^data: //p'"
READER = Command(
    argv=("bash", "-c", NAIVE, "bash", "{url}", "{timeout}"), name="reader", shape="plain"
)


def test_a_naive_reader_of_streams_loses_text() -> None:
    report = checked(READER, "sse-crlf-split", "sse-nospace", "llm-cut", "sse-silent", "sse-500")
    assert classes(report) == {
        "llm-cut": "lacks",
        "sse-crlf-split": "ok",
        "sse-nospace": "truncated",
        "sse-silent": "ok",
        "sse-500": "ok",
    }
    assert report.modes["sse-nospace"].evidence == "Success, although 0 of 40 tokens."


def test_only_errors_and_streams_apply_to_a_client_of_streams() -> None:
    report = checked(READER, "chunk-ext", "tcp-accept-rst", "sse-last-event-id")
    assert classes(report) == {
        "tcp-accept-rst": "ok",
        "chunk-ext": "lacks",
        "sse-last-event-id": "lacks",
    }
