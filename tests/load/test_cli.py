"""``hamms-trio load``, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from hamms_trio.cli import main
from hamms_trio.cli.load import load
from tests.load.command import FEW, LOAD, SAFETY_NET, URL, result_of, run, running
from tests.load.terminal import on_terminal


def test_a_load_ends_with_a_report(hamms: HammsServer) -> None:
    done = run(hamms.url("status"), *FEW)

    assert (done.returncode, done.stderr) == (0, "")
    assert "40 answered, 0 errors (0.00%)" in done.stdout
    assert "status 200   40" in done.stdout
    assert all(
        f" {name} " in done.stdout
        for name in ("mean", "stddev", "p50", "p90", "p95", "p99", "p99.9")
    )
    assert "\u2588" in done.stdout  # the picture
    assert "note: in a closed loop" in done.stdout
    assert not any(line.endswith(" ") for line in done.stdout.splitlines())
    assert len(hamms.ledger.requests("status")) == 40


def test_the_report_notes_that_latency_counts_from_the_intended_start(hamms: HammsServer) -> None:
    done = run(hamms.url("status"), "-n", "20", "-r", "1000000")

    assert done.returncode == 0
    assert ", 1,000,000 requests/s;" in done.stdout
    assert "note: latency counts from the intended start of a request" in done.stdout
    assert "service" in done.stdout


def test_the_json_result_has_its_keys(hamms: HammsServer) -> None:
    result = result_of(hamms.url("status"), *FEW)

    assert result["requests"] == result["answered"] == 40
    assert (result["errors"], result["error_rate"], result["errors_by_name"]) == (0, 0.0, {})
    assert result["rps"] > 0
    assert 0 < result["p50_ms"] <= result["p95_ms"] <= result["latency_ms"]["max"]
    assert result["status_counts"] == {"200": 40}
    assert result["status_classes"] == {"2xx": 40}
    assert result["ended_by"] == "requests"
    assert result["latency_from"] == "start"
    assert result["service_ms"] is None
    assert result["plan"]["concurrency"] == 4
    assert result["connections"]["opened"] == 4
    assert result["latency_ms"]["count"] == 40
    assert result["latency_ms"]["histogram"]["hdr"].startswith("HISTF")


def test_error_answers_count_as_errors(hamms: HammsServer) -> None:
    result = result_of(hamms.url("status", status=503), *FEW)
    assert (result["errors"], result["error_rate"]) == (40, 1.0)
    assert result["errors_by_name"] == {"status_5xx": 40}


def test_redirects_are_counted_and_not_followed(hamms: HammsServer) -> None:
    assert "note: 40 answers were redirects" in run(hamms.url("status", status=308), *FEW).stdout
    assert "redirects" not in run(hamms.url("status", status=304), *FEW).stdout


def test_json_to_a_file_leaves_the_report(hamms: HammsServer, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    done = run(hamms.url("status"), *FEW, "--json", str(path))

    assert done.returncode == 0
    assert "40 answered" in done.stdout
    assert json.loads(path.read_text())["answered"] == 40


def test_the_request_has_the_method_fields_and_body_of_the_options(
    hamms: HammsServer, tmp_path: Path
) -> None:
    body = tmp_path / "body"
    body.write_bytes(b"\0\xff\r\n")
    shape = ["-n", "1", "-c", "1", "-X", "PUT", "--body", f"@{body}"]
    result_of(hamms.url("status", "/a/b"), *shape, "-H", "X-One: 1", "--header", "Host:there")

    (request,) = hamms.ledger.requests("status")
    assert (request.method, request.target, request.body_octets) == ("PUT", "/a/b", 4)
    fields = dict(request.fields)
    assert (fields["X-One"], fields["Host"], fields["Content-Length"]) == ("1", "there", "4")


def test_every_option_shapes_the_load(hamms: HammsServer) -> None:
    shape = ["-c", "3", "-d", "200ms", "-r", "50", "--no-keepalive", "--timeout", "1.5s"]
    result = result_of(hamms.url("status"), *shape, "--warmup", "0.1")

    assert result["plan"] == {
        "concurrency": 3,
        "duration": 0.2,
        "requests": 1_000_000_000,
        "rate": 50.0,
        "keepalive": False,
        "pipeline_depth": 1,
        "timeout": 1.5,
        "warmup": 0.1,
    }
    assert result["requests"] == 10
    assert result["ended_by"] == "duration"
    assert result["latency_from"] == "intended start"
    assert len(hamms.ledger.connections("status")) == 15  # the warm-up's too


@pytest.mark.parametrize(
    ("slug", "reason"), [("tcp-refused", "Connection refused"), ("tcp-accept-close", "closed")]
)
def test_a_target_that_answers_nothing_is_a_failure(
    hamms: HammsServer, slug: str, reason: str
) -> None:
    done = run(hamms.url(slug), *FEW)

    assert done.returncode == 1
    assert "0 answered" in done.stdout
    (line,) = done.stderr.splitlines()
    assert "answered nothing" in line
    assert reason in line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a URL"),
        (["127.0.0.1"], "not a URL"),
        (["http://192.0.2.1/"], "--i-own-the-target"),
        (["--json", URL], "put the URL first"),
        ([URL, "--json", "/nowhere/result.json"], "can't write '/nowhere/result.json'"),
        ([URL, "--json", "/"], "directory"),
        ([URL, "-H", "no colon"], "the header 'no' is not of the form"),
        ([URL, "-H", "X: a\r\nY: b"], "not of the form"),
        ([URL, "-H", "Content-Length: 5"], "Content-Length"),
        ([URL, "-H", "connection: close"], "--no-keepalive"),
        ([URL, "-X", "G T"], "'G T'"),
        ([URL, "--body", "@/nowhere"], "can't read the body '/nowhere'"),
        ([URL, "--no-keepalive", "--pipeline-depth", "2"], "--keepalive"),
        ([URL, "--insecure"], "https"),
        ([URL, "--ca", "/nowhere"], "https"),
        (["https://127.0.0.1:1/", "--ca", "/nowhere"], "can't trust '/nowhere'"),
        (["https://127.0.0.1:1/", "--ca", "/nowhere", "--insecure"], "--ca would do nothing"),
        (["https://127.0.0.1:1/", "--ca", __file__], "no certificates"),
        ([URL, "-d", "0"], "duration"),
        ([URL, "-d", "nan"], "'nan'"),
        ([URL, "-d", "inf"], "'inf'"),
        ([URL, "-d", "-1"], "'-1'"),
        ([URL, "-d", "10 s"], "'10 s'"),
        ([URL, "-d", "25h"], "25h is not from 0 to 24h"),
        ([URL, "-r", "0"], "rate"),
        ([URL, "-r", "1e9"], "'1e9' is not a number"),
        ([URL, "--timeout", "0ms"], "timeout"),
        ([URL, "-c", "0"], "concurrency"),
        ([URL, "-n", "0"], "requests"),
        ([URL, "--pipeline-depth", "0"], "pipeline-depth"),
        ([URL, "--warmup", "soon"], "'soon'"),
        ([URL, "more"], "more"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(arguments: list[str], words: str) -> None:
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_body_and_a_pipeline_too_large_for_memory_are_refused(tmp_path: Path) -> None:
    body = tmp_path / "body"
    with body.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    done = run(URL, "--body", f"@{body}")
    assert (done.returncode, "exceeds" in done.stderr) == (2, True)
    body.write_bytes(b"x" * 100_000)
    done = run(URL, "--body", f"@{body}", "--pipeline-depth", "1000")
    assert (done.returncode, "shorter body" in done.stderr) == (2, True)


def test_more_connections_than_descriptors_are_refused() -> None:
    resource = pytest.importorskip("resource")
    command = [*LOAD, URL, "-c", "1000"]
    limited = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)),
    )
    assert limited.returncode == 2
    assert "ulimit" in limited.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_load_with_its_result(hamms: HammsServer, number: int) -> None:
    with running(hamms.url("status"), "-d", "1h", "-r", "100", "--json") as process:
        hamms.ledger.wait_until(lambda ledger: bool(ledger.requests("status")), timeout=SAFETY_NET)
        process.send_signal(number)
        output, _ = process.communicate(timeout=SAFETY_NET)
    result = json.loads(output)
    assert process.returncode == 0
    assert result["ended_by"] == "interrupt"
    assert result["answered"] >= 1
    assert result["errors"] == 0


def test_a_second_signal_does_not_wait_for_answers(hamms: HammsServer) -> None:
    url = hamms.url("tcp-accept-hang")
    shape = ["-d", "1h", "--timeout", "1h", "-c", "2", "--json"]
    with running(url, *shape) as process:
        hamms.ledger.wait_until(
            lambda ledger: len(ledger.open_connections()) == 2, timeout=SAFETY_NET
        )
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)  # another one, as two of a kind may be taken for one
        output, _ = process.communicate(timeout=SAFETY_NET)
    result = json.loads(output)
    assert process.returncode == 1
    assert result["errors_by_name"] == {"unfinished": 2}


def test_collections_of_garbage_do_not_make_the_server_look_slow(hamms: HammsServer) -> None:
    code = (
        "import gc, sys, trio; from hamms_trio.cli.load import load, progress, report;"
        "from hamms_trio.load import generate; seen = [];"
        "gc.callbacks.append(lambda phase, _: seen.append(phase));"
        "load(sys.argv[1:], standalone_mode=False); print(seen.count('start'), file=sys.stderr)"
    )
    shape = ["-c", "3000", "-n", "1", "-r", "1"]  # clients that only are there
    done = subprocess.run(
        [sys.executable, "-c", code, hamms.url("status"), *shape],
        capture_output=True,
        text=True,
        timeout=SAFETY_NET,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stderr) < 5  # by Python's own thresholds, more than a dozen


def test_a_terminal_shows_progress(hamms: HammsServer) -> None:
    with on_terminal("load", hamms.url("status"), "-d", "1h", "-r", "50") as terminal:
        terminal.read_until(rb"answers/s, 0 errors, p50 .* ms, p99 .* ms")
        output = terminal.interrupt()
    assert terminal.seen.endswith(b"\r\x1b[2K")  # the line is erased
    assert "answered, 0 errors" in output


def test_progress_counts_error_answers(hamms: HammsServer) -> None:
    url = hamms.url("status", status=503)
    with on_terminal("load", url, "-d", "1h", "-c", "1") as terminal:
        terminal.read_until(rb" [1-9][0-9,]* errors")
        terminal.interrupt()


def test_progress_shows_the_last_wait(hamms: HammsServer) -> None:
    shape = ["-d", "10ms", "--timeout", "1h", "-c", "2"]
    with on_terminal("load", hamms.url("tcp-accept-hang"), *shape) as terminal:
        terminal.read_until(rb"waiting for 2 answers")
        output = terminal.interrupt()
    assert "unfinished   2" in output


def test_progress_shows_the_warm_up(hamms: HammsServer) -> None:
    shape = ["--warmup", "1h", "-c", "1"]
    with on_terminal("load", hamms.url("status"), *shape) as terminal:
        terminal.read_until(rb"warming up for 3600 s")
        output = terminal.interrupt()
    assert terminal.process.returncode == 1
    assert "the load was interrupted" in output
    assert b"received no request that counts" in terminal.seen


def test_the_lazy_command_has_the_summary_of_the_real_one() -> None:
    assert main.commands["load"].get_short_help_str() == load.get_short_help_str()


def test_help_lists_the_options() -> None:
    assert "--pipeline-depth" in run("--help").stdout
    assert "--max-p99-regression" in run("compare", "--help").stdout
