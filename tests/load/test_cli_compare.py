"""``hamms-trio load compare``, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from hamms_trio import HammsServer
from tests.load.command import FEW, LOAD, SAFETY_NET, URL, run, running


def test_two_results_are_compared(hamms: HammsServer, tmp_path: Path) -> None:
    for name, status in (("a.json", "200"), ("b.json", "500")):
        run(hamms.url("status", status=status), *FEW, "--json", str(tmp_path / name))

    same = run("compare", "a.json", "a.json", "--max-p99-regression", "10%", cwd=tmp_path)
    assert (same.returncode, same.stderr) == (0, "")
    assert "pass  p99 worse by 10% at most" in same.stdout

    worse = run("compare", "a.json", "b.json", cwd=tmp_path)
    assert worse.returncode == 1
    assert "FAIL  error_rate <= 1%  (found 100.00%)" in worse.stdout
    allowed = run("compare", "a.json", "b.json", "--max-error-rate", "off", cwd=tmp_path)
    assert allowed.returncode == 0

    compared = run("compare", "a.json", "b.json", "--json", cwd=tmp_path)
    assert compared.returncode == 1
    content = json.loads(compared.stdout)
    assert content["gates"]["checks"] == {"error_rate_le_1pct": False, "p95_le_200ms": True}
    assert content["gates"]["all_passed"] is False
    assert content["results"][1]["errors"] == 40
    assert 0 < content["results"][0]["p50_ms"] <= content["results"][0]["p95_ms"]
    assert content["markdown_table"].startswith("| | a.json | b.json | change |")


def test_two_servers_are_loaded_in_turns_and_compared(hamms: HammsServer) -> None:
    urls = hamms.url("status", "/a"), hamms.url("status", "/b", status=503)
    shape = ["-c", "1", "-n", "6", "--turns", "3"]
    done = run("compare", "--run", *urls, *shape, "--json")

    assert (done.returncode, done.stderr) == (1, "")
    content = json.loads(done.stdout)
    assert [result["url"] for result in content["results"]] == list(urls)
    assert [result["requests"] for result in content["results"]] == [6, 6]
    assert [result["errors"] for result in content["results"]] == [0, 6]
    assert content["gates"]["checks"]["error_rate_le_1pct"] is False
    asked = [request.target[1] for request in hamms.ledger.requests("status")]
    assert "".join(asked) == "aabbbbaaaabb"

    same = run("compare", "--run", urls[0], urls[0], *shape, "--max-p95", "off")
    assert same.returncode == 0
    assert "pass  error_rate <= 1%" in same.stdout


def test_secrets_of_the_url_are_in_no_output(hamms: HammsServer, tmp_path: Path) -> None:
    url = f"{hamms.url('status')}?token=s3cret"
    path = tmp_path / "result.json"
    outputs = [
        run(url, *FEW, "--json", str(path)).stdout,
        path.read_text(),
        run("compare", "--run", url, url, *FEW).stdout,
        run("compare", "--run", url, url, *FEW, "--json").stdout,
        run("compare", str(path), url).stderr,
    ]
    assert all("token=***" in output for output in outputs)
    assert not any("s3cret" in output for output in outputs)
    assert hamms.ledger.requests("status")[0].target == "/?token=s3cret"


def test_a_server_that_does_not_answer_ends_a_comparison(hamms: HammsServer) -> None:
    done = run("compare", "--run", hamms.url("status"), hamms.url("tcp-refused"), *FEW)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert "answered nothing (connect_refused: Connection refused)" in line


def test_a_signal_ends_a_comparison_with_the_turns_so_far(hamms: HammsServer) -> None:
    urls = hamms.url("status", "/a"), hamms.url("status", "/b")
    shape = ["-d", "1h", "-r", "100", "-c", "1"]
    with running("compare", "--run", *urls, *shape, stderr=subprocess.PIPE) as process:
        hamms.ledger.wait_until(lambda ledger: bool(ledger.requests("status")), timeout=SAFETY_NET)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=SAFETY_NET)
    assert (process.returncode, output) == (1, "")
    assert errors == "hamms-trio: interrupted before both servers had a turn\n"


def test_a_gate_prints_the_value_it_found(tmp_path: Path) -> None:
    latencies = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "p99.9", "max"), 12.345)
    counts = {"requests": 10, "errors": 1, "error_rate": 0.1, "rps": 100}
    for name, latency in (("answered.json", latencies), ("silent.json", None)):
        content = {"schema": 1, **counts, "latency_ms": latency}
        (tmp_path / name).write_text(json.dumps(content))
    gates = ["--max-p50", "20ms", "--max-p95", "off", "--min-rps-ratio", "1.5x"]

    answered = run("compare", "answered.json", "answered.json", *gates, cwd=tmp_path)
    assert answered.stdout.splitlines()[-3:] == [
        "FAIL  error_rate <= 1%  (found 10.00%)",
        "pass  p50 <= 20ms  (found 12.35)",
        "FAIL  rps >= 1.5 x the first's  (found 1)",
    ]
    silent = run("compare", "answered.json", "silent.json", *gates, cwd=tmp_path)
    assert "FAIL  p50 <= 20ms  (nothing found)" in silent.stdout.splitlines()


def test_results_in_files_of_any_name_are_compared(hamms: HammsServer, tmp_path: Path) -> None:
    name = os.fsdecode(b"gr\xc3\xbc\xc3\x9fe\xff.json")
    run(hamms.url("status"), *FEW, "--json", str(tmp_path / name))
    for arguments in ([], ["--json"]):
        done = subprocess.run(
            [*LOAD, "compare", name, name, *arguments],
            capture_output=True,
            timeout=SAFETY_NET,
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"gr\\" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.json", "nowhere.json"], "can't read"),
        (["a.json", "bad.json"], "not JSON"),
        (["a.json", URL], "load URL --json FILE"),
        (["a.json", URL], "add --run"),
        (["a.json", "a.json", "-d", "1s"], "--duration is for a load: add --run"),
        (["a.json", "a.json", "--turns", "2"], "--turns is for a load: add --run"),
        (["a.json", "a.json", "--run"], "'a.json' is not a URL"),
        ([URL, "http://192.0.2.1/", "--run"], "--i-own-the-target"),
        ([URL, URL, "--run", "--turns", "0"], "turns"),
        (["a.json"], "Missing argument"),
        (["a.json", "a.json", "--max-p99-regression", "10"], "'10'"),
        (["a.json", "a.json", "--max-error-rate", "101%"], "101%"),
        (["a.json", "a.json", "--max-p95", "-5ms"], "-5ms"),
        (["a.json", "a.json", "--min-rps-ratio", "much"], "'much'"),
    ],
)
def test_bad_files_and_gates_are_bad_usage(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / "bad.json").write_text("{")
    zeros = dict.fromkeys(("mean", "p50", "p90", "p95", "p99", "p99.9", "max"), 0)
    counts = dict.fromkeys(("requests", "errors", "error_rate", "rps"), 0)
    (tmp_path / "a.json").write_text(json.dumps({"schema": 1, **counts, "latency_ms": zeros}))
    done = run("compare", *arguments, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert words in line
