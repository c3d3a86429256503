"""Take screenshots of the page, with a lab and real clients, for the README and for those who review it.

Needs Chromium and curl. The README's pictures go to docs/images; ``--all FOLDER`` writes every view, in both
themes and at the width of a phone, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from hamms_trio.blocking import HammsServer
from hamms_trio.check.report import encode_report
from hamms_trio.check.reports import read_report, withhold

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from tests.browser.opened import launched  # noqa: E402  # once the root is on the path

IMAGES = ROOT / "docs" / "images"
WIDTH, HEIGHT, PHONE = 1440, 900, 360
GRADED = ("curl", "wget", "requests", "httpx", "aiohttp", "urllib3", "http.client", "node-fetch")
SHOWN = {
    "page-first": "/#/modes",
    "page-live": "/#/live",
    "page-mode": "/#/modes/pace-byte?interval=0.7",
    "page-matrix": "/#/matrix",
}
OTHERS = {
    "workbench": "/#/workbench",
    "dashboard": "/static/dashboard.html",
    "missions": "/#/workbench/missions",
}


def main() -> None:
    """Write the images."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="write every view there")
    parser.add_argument("--report", type=Path, action="append", help="a report, instead of grading")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reports = _withheld(given.report or list(_graded(folder)), folder)
        lab = stack.enter_context(HammsServer(beginning_port=5500, workbench=True, seed=7))
        browser = launched(stack.enter_context(sync_playwright()))
        base = lab.workbench.url("/").rstrip("/")
        IMAGES.mkdir(parents=True, exist_ok=True)
        _take(browser, base, SHOWN, IMAGES, reports, lab)
        if given.all:
            given.all.mkdir(parents=True, exist_ok=True)
            for dark in (False, True):
                for width in (WIDTH, PHONE):
                    views = {**SHOWN, **OTHERS}
                    named = {f"{n}-{width}{'-dark' if dark else ''}": a for n, a in views.items()}
                    _take(browser, base, named, given.all, reports, lab, width=width, dark=dark)
        browser.close()


def _graded(folder: Path) -> Iterator[Path]:
    """Grade some of the clients that are installed here."""
    for client in GRADED:
        path = folder / f"{client}.json"
        check = [sys.executable, "-m", "hamms_trio", "check", "--client", client, "--suite", "core"]
        subprocess.run([*check, "--report", f"json={path}"], capture_output=True, check=False)
        if path.exists():
            yield path


def _withheld(paths: list[Path], folder: Path) -> list[Path]:
    """Write the reports again, without the rows that look like security problems of somebody's client."""
    matrix = withhold(read_report(path) for path in paths)
    shown = []
    for number, report in enumerate(matrix.reports):
        shown.append(folder / f"shown-{number}.json")
        shown[-1].write_bytes(encode_report(report))
    return shown


def _take(
    browser: Browser,
    base: str,
    views: dict[str, str],
    folder: Path,
    reports: list[Path],
    lab: HammsServer,
    *,
    width: int = WIDTH,
    dark: bool = False,
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    for name, address in views.items():
        page.goto(base + address)
        page.wait_for_selector("main h1")
        _fill(page, address, reports, lab)
        page.screenshot(path=folder / f"{name}.png", full_page=width == PHONE)
        print(folder / f"{name}.png")
    context.close()


def _fill(page: Page, address: str, reports: list[Path], lab: HammsServer) -> None:
    """Let something happen that the view shows."""
    if address.endswith("/live"):
        page.wait_for_function(
            "document.querySelector('.state .run').textContent.includes('running')"
        )
        page.get_by_text("10 s", exact=True).click()
        _clients(lab)
        page.wait_for_selector(".inf li")
    elif address.endswith("/matrix") and reports:
        page.set_input_files("input[type=file]", [str(path) for path in reports])
        page.wait_for_selector("table.matrix")
        worst = page.locator(".c.trunc a, .c.corrupt a, .c.inject a").first
        if worst.count():
            worst.click()
            page.wait_for_selector(".drawer .seq")
    elif "modes" in address:
        page.wait_for_selector("svg.seq")
        page.wait_for_timeout(1500)  # for the traces in the rows, which come one by one
    else:
        _clients(lab)
        page.wait_for_timeout(1500)


def _clients(lab: HammsServer) -> None:
    """Let real clients meet some modes at the same time."""
    curl = ("curl", "-s", "-o", "/dev/null")
    commands = [
        *[(*curl, "-m", "1", "-A", "client-a/3.1", lab.url("tcp-accept-hang", "/v1/orders"))] * 2,
        (*curl, "--retry", "4", "-A", "client-b/1.0", lab.url("retries", key="checkout")),
        (*curl, "-m", "4", lab.url("pace-byte", interval=0.4)),
        (*curl, lab.url("frame-cl-short-fin")),
        (*curl, lab.url("tcp-rst-after-request")),
        (*curl, lab.workbench.url("/")),
    ]
    running = [subprocess.Popen(command) for command in commands]
    for _ in range(6):
        subprocess.run([*curl, "-A", "client-c/0.9", lab.url("status", status=500)], check=False)
    for process in running:
        process.wait()


if __name__ == "__main__":
    main()
