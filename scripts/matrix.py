"""Grade the clients of this machine, and write docs/matrix.html and the table in docs/clients.md.

The modes are those of the suite core, and those for which the catalogue recorded outcomes by name.
Usage: ``python scripts/matrix.py [CLIENT...]``; without names every adapter of bodies is run. Rows with a finding
that looks like a security problem are withheld from both.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).parent.parent))

from hamms_trio.check.adapters import ADAPTERS
from hamms_trio.check.report import CheckReport
from hamms_trio.check.reports import Matrix, matrix_markdown, matrix_page, read_report, withhold

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "clients.md"
BEGIN, END = "<!-- written by make matrix: begin -->\n", "<!-- written by make matrix: end -->\n"
PLACES = {
    "niquests": ".venvs/niquests/bin/python",
    **dict.fromkeys(("undici", "axios", "got"), "examples"),
}
FINDINGS = (0, 1)  # exit codes of a run that came to its end

NODE = ("node-http", "axios", "got")  # clients on Node's own HTTP
# Outcomes that the catalogue recorded in November 2026 for clients that it names: the mode, the class that follows
# from the outcome, and the clients. Outcomes that look like security problems are not listed by name here either.
RECORDED = {
    ("coding-gzip-truncated", "truncated"): (
        *("curl", "node-fetch", "axios", "requests", "urllib3", "httpx", "aiohttp", "ruby"),
        *("perl-lwp", "wget"),
    ),
    ("coding-gzip-truncated", "ok"): ("go", "got"),
    ("coding-zstd-truncated", "truncated"): ("curl", "requests", "aiohttp"),
    ("frame-cl-short-fin", "truncated"): ("ruby", "php", "perl-lwp"),
    ("frame-cl-short-hang", "truncated"): ("php", "perl-lwp"),
    ("frame-close-delimited-rst", "truncated"): ("node-fetch", "undici", "aiohttp"),
    ("frame-te-gzip-chunked", "ok"): ("curl", "perl-lwp"),
    ("chunk-ext", "rejected"): ("node-fetch",),
    ("chunk-size-endless", "hang"): ("requests", "httpx", "ruby", "perl-lwp"),
    ("head-truncated", "truncated"): ("curl", "requests", "urllib3", "ruby", "wget"),
    ("head-obs-fold", "rejected"): NODE,
    ("head-bare-cr", "hang"): ("requests", "urllib3"),
    ("status-minor-2", "strict"): ("curl", "aiohttp", "node-fetch", "undici", *NODE),
    ("interim-100", "rejected"): ("node-fetch", "undici"),
    ("interim-103", "truncated"): ("requests", "urllib3"),
    ("conn-drop-after-request", "double-send"): ("pycurl", "httplib2"),
    ("tls-rsa-1024", "lenient"): ("node-fetch", "go", "java", "wget"),
    ("tls-truncation", "truncated"): (
        *("curl", "requests", "urllib3", "aiohttp", "node-fetch", "go", "php", "java"),
    ),
    ("tls-truncation", "ok"): ("wget",),
    # Recorded for java and axios, too, but with a body that drips; here the head drips already.
    ("pace-byte", "hang"): ("requests", "httpx", "urllib3", "ruby", "php", "wget"),
}  # fmt: skip
_MISREAD = (
    "Another measurement: the client waits for octets that it has misread, until its own timeout ends the call "
    "with an error, which was recorded as waiting at three seconds."
)
# Why a verdict differs from the recorded outcome: another version, another measurement, or a mistake of ours.
NOTES = {
    ("head-bare-cr", "requests"): _MISREAD,
    ("head-bare-cr", "urllib3"): _MISREAD,
}


def main() -> None:
    """Run every client, one after the other, and write the pages."""
    names = sys.argv[1:] or [name for name, adapter in ADAPTERS.items() if not adapter.shape]
    with TemporaryDirectory(prefix="hamms-matrix-") as folder:
        found = [report for name in names if (report := _graded(name, Path(folder))) is not None]
    if not found:
        sys.exit("no client is installed")
    matrix = withhold(found)
    PAGE.with_name("matrix.html").write_text(matrix_page(matrix), encoding="utf-8")
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table = f"{matrix_markdown(matrix)}\n{_differences(matrix)}"
    PAGE.write_text(before + BEGIN + table + END + rest.partition(END)[2], encoding="utf-8")


def _graded(name: str, folder: Path) -> CheckReport | None:
    """Return the report of one client, or None if it can't be graded here."""
    place = PLACES.get(name)
    client = f"{name}={place}" if place and (ROOT / place).exists() else name
    file = folder / f"{name}.json"
    command = [sys.executable, "-m", "hamms_trio", "check", "--client", client]
    suites = ["core", *dict.fromkeys(slug for slug, _ in RECORDED)]
    command += [word for suite in suites for word in ("--suite", suite)]
    done = subprocess.run(
        [*command, "--report", f"json={file}"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode not in FINDINGS or not file.exists():
        print(f"{name}: skipped: {done.stderr.strip()}", file=sys.stderr)
        return None
    report = read_report(file)
    print(f"{name}: {report.summary.score:.0f} in {report.summary.seconds:.1f} s", file=sys.stderr)
    return report


def _differences(matrix: Matrix) -> str:
    """List the verdicts that differ from the outcomes that the catalogue recorded, each with a note."""
    by_name = {report.client.name: report for report in matrix.reports}
    compared, rows = 0, []
    for (slug, recorded), clients in RECORDED.items():
        for client in clients:
            mode = by_name[client].modes.get(slug) if client in by_name else None
            if mode is None or mode.verdict == "N/A":
                continue
            compared += 1
            if mode.class_ != recorded:
                note = NOTES.get((slug, client), "Not explained yet.")
                rows.append(
                    f"- {client}, `{slug}`: recorded {recorded}, now {mode.class_}. {note}\n"
                )
    head = f"Of {compared} outcomes that the catalogue recorded by name, {compared - len(rows)} are the same today"
    return f"{head}.\n" if not rows else f"{head}. These differ:\n\n{''.join(rows)}"


if __name__ == "__main__":
    main()
