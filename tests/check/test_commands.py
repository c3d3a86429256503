"""The contract of commands: placeholders, environment, output, and what they tell besides."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hamms_trio.check.adapters import prepared
from hamms_trio.check.client import Command
from hamms_trio.check.clients.placeholders import checked as checked_command, filled
from hamms_trio.errors import ClientUnusable
from tests.check.checks import checked, classes, command, python


def shell(script: str, *arguments: str) -> Command:
    return command("sh", "-c", script, "sh", *arguments)


def test_the_url_is_appended_where_no_placeholder_stands() -> None:
    assert checked_command(["curl", "-sSf"]) == ["curl", "-sSf", "{url}"]


def test_other_braces_stay_as_they_are() -> None:
    assert filled(["{url}/{id}", "{}"], {"url": "http://a"}) == ["http://a/{id}", "{}"]


@pytest.mark.parametrize("argv", [["curl", "--max-time", "{timeout}"], [], [""]])
def test_a_command_that_cannot_find_the_door_is_refused(argv: list[str]) -> None:
    with pytest.raises(ClientUnusable):
        checked_command(argv)


def test_host_and_port_are_enough() -> None:
    client = command("curl", "-sSf", "http://{host}:{port}{path}")
    assert classes(checked(client, "interim-103")) == {"interim-103": "ok"}


def test_the_body_may_be_in_a_file() -> None:
    client = command("curl", "-sSf", "-o", "{out}", "{url}")
    report = checked(client, "interim-103", "frame-cl-plus")
    assert classes(report) == {"interim-103": "ok", "frame-cl-plus": "truncated"}


def test_a_body_file_and_a_method_make_uploads_apply() -> None:
    client = command("curl", "-sSf", "-X", "{method}", "--data-binary", "@{body_file}", "{url}")
    report = checked(client, "upload-echo-digest", "retry-non-idempotent")
    assert classes(report) == {"upload-echo-digest": "ok", "retry-non-idempotent": "ok"}


def test_a_header_goes_to_modes_that_need_one() -> None:
    client = command("curl", "-sSf", "-L", "-H", "{header}", "{url}")
    mode = checked(client, "redirect-cross-origin-auth").modes["redirect-cross-origin-auth"]
    assert (mode.verdict, mode.attempts) == ("INFO", 1)


def test_sdks_find_the_door_by_their_own_variables() -> None:
    script = (
        'test "$ANTHROPIC_BASE_URL/v1" = "$OPENAI_BASE_URL" && exec curl -sSf "$HAMMS_URL" # $1'
    )
    assert classes(checked(shell(script, "{url}"), "interim-103")) == {"interim-103": "ok"}


def test_the_proxy_of_the_environment_is_the_door_of_proxy_modes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # the surroundings must not mislead
    report = checked(
        command("curl", "-sSf", "{url}"), "proxy-407", "proxy-connect-close", "interim-103"
    )
    assert classes(report) == {
        "proxy-407": "ok",
        "proxy-connect-close": "ok",
        "interim-103": "ok",
    }
    assert report.modes["proxy-connect-close"].fired


def test_a_line_on_standard_error_reports_the_status() -> None:
    script = (
        "curl -sS -w '%{http_code}' -o $2 $1 > $2.status || exit 1;"
        'echo HAMMS:{\\"status\\": $(cat $2.status)} >&2; rm -f $2.status'
    )
    report = checked(shell(script, "{url}", "{out}"), "retry-storm", "retries")
    assert "status 503" in report.modes["retry-storm"].evidence


def test_descriptor_3_tells_more_of_an_error() -> None:
    script = """curl -sSf "$1" || { echo '{"error": "Short", "phase": "body"}' >&3; exit 1; }"""
    report = checked(shell(script, "{url}"), "frame-cl-short-fin")
    evidence = report.modes["frame-cl-short-fin"].evidence
    assert evidence == "The client reported an error: Short (body)."


def test_a_working_directory_is_that_of_the_command(tmp_path: Path) -> None:
    (tmp_path / "get").write_text('#!/bin/sh\nexec curl -sSf "$1"\n')
    (tmp_path / "get").chmod(0o755)
    report = checked(command("./get", "{url}", directory=str(tmp_path)), "interim-103")
    assert classes(report) == {"interim-103": "ok"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_inferences_name_a_value_a_confidence_and_evidence() -> None:
    client = command("curl", "-sSf", "-L", "--compressed", "--max-time", "{timeout}", "{url}")
    found = checked(client, "pace-byte", "redirect-loop", "retry-storm", "head-1m").inferred
    assert found["redirects.limit"].value == "50"
    assert found["retry.statuses"].value == "none"
    assert "gzip" in found["decodings"].value
    assert found["limit.header-section"].value == "below 1 MB"
    assert found["timeout.total"].value.startswith(("0.", "1."))
    assert all(0 < each.confidence <= 1 and each.evidence for each in found.values())


def test_a_timeout_in_a_loop_is_no_limit_of_redirects() -> None:
    code = (
        "import http.client, sys, time\n"
        "host, port, path, timeout = sys.argv[1:]\n"
        "end = time.monotonic() + float(timeout)\n"
        "connection = http.client.HTTPConnection(host, int(port))\n"
        "hops = 0\n"
        "while hops < 60 or time.monotonic() < end:\n"
        "    hops += 1\n"
        "    connection.request('GET', path)\n"
        "    answer = connection.getresponse()\n"
        "    content = answer.read()\n"
        "    if answer.status < 300:\n"
        "        sys.exit(sys.stdout.buffer.write(content) == 0)\n"
        "    path = answer.headers['Location']\n"
        "sys.exit('timeout')\n"
    )
    client = python(code, "{host}", "{port}", "{path}", "{timeout}")
    found = checked(client, "redirect-loop", timeout=0.1).inferred
    assert found["redirects.limit"].value.startswith("more than")


def test_a_pool_of_connections_has_its_size() -> None:
    with prepared("requests") as requests:
        found = checked(requests, "interim-103", jobs=1).inferred
    assert found["connections.pool"].value == "10 connections"
