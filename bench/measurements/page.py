"""The page in a browser: its first paint, its frames while many events arrive, and the memory that it keeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.effort import Effort
from bench.errors import NotInstalled
from bench.figures import OURS, AtMost, Figure, interleave

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FIRST_PAINT_MS = 300.0
FRAME_MS = 1000 / 60 * 1.2  # a browser without a screen draws 60 frames in a second
EVENTS_PER_SECOND = 1000
WARM_UP = 20.0  # seconds, in which the page fills its ring of 10 000 events
TRAFFIC = 600.0  # seconds
MEMORY_MB = 4.0  # a tenth of the ring of events comes and goes
NODES = 500  # rows and marks of the view come and go, too
FRAMES = """
(seconds) => new Promise((resolve) => {
  const times = [];
  let last = performance.now();
  const end = last + seconds * 1000;
  const frame = (now) => {
    times.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame);
    else resolve(times.slice(1).sort((a, b) => a - b));
  };
  requestAnimationFrame(frame);
})
"""
RATE = "import('/playground/app/live/connections.js').then(({rate}) => rate.value)"


def page(effort: Effort) -> list[Figure]:
    """Open the page beside a lab, and send it the events of a busy day for ten minutes."""
    try:
        from playwright.sync_api import sync_playwright

        from tests.browser.opened import CHROMIUM, launched
    except ImportError:
        raise NotInstalled("playwright is not installed") from None
    if CHROMIUM is None:
        raise NotInstalled("chromium is not installed")
    from hamms_trio.blocking import HammsServer

    seconds = effort.seconds(TRAFFIC)

    def opened(browser: Browser, url: str) -> Page:
        visit = browser.new_page()
        visit.goto(f"{url}#/live")
        visit.wait_for_selector("main h1")
        return visit

    def paint() -> Mapping[str, float]:
        with HammsServer(beginning_port=0, workbench=True) as lab, sync_playwright() as playwright:
            browser = launched(playwright)
            visit = opened(browser, lab.workbench.url("/"))
            painted = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            came = visit.evaluate(painted)
            browser.close()
        return {"paint": came}

    def traffic() -> Mapping[str, float]:
        with HammsServer(beginning_port=0, workbench=True) as lab, sync_playwright() as playwright:
            browser = launched(playwright)
            url = lab.workbench.url("/")
            visit = opened(browser, url)
            with _Requests(url, EVENTS_PER_SECOND // 2, seconds):  # two events for each request
                visit.wait_for_timeout(WARM_UP * 1000)
                before = _kept(visit)
                frames = visit.evaluate(FRAMES, seconds)
                rate = visit.evaluate(RATE)
                after = _kept(visit)
            browser.close()
        return {
            "frame": frames[len(frames) // 2],
            "slow": frames[int(len(frames) * 0.95)],
            "memory": (after["JSHeapUsedSize"] - before["JSHeapUsedSize"]) / 1e6,
            "nodes": after["Nodes"] - before["Nodes"],
            "listeners": after["JSEventListeners"] - before["JSEventListeners"],
            "rate": rate,
        }

    paints = {"paint": Figure("first paint", "ms", (AtMost(FIRST_PAINT_MS),))}
    shown = interleave(effort.rounds, {OURS: paint}, paints)
    return [*shown, *interleave(1, {OURS: traffic}, _figures(seconds))]


def _figures(seconds: float) -> dict[str, Figure]:
    """Return the figures of a visit that lasts so long."""
    after = f"that {seconds:.0f} s of events add"
    return {
        "frame": Figure("time of a frame, median", "ms", (AtMost(FRAME_MS),)),
        "slow": Figure("time of a frame, 95th percentile", "ms", (AtMost(FRAME_MS),)),
        "memory": Figure(f"memory {after}", "MB", (AtMost(MEMORY_MB),)),
        "nodes": Figure(f"nodes {after}", "nodes", (AtMost(NODES),)),
        "listeners": Figure(f"listeners {after}", "listeners", (AtMost(0),)),
        "rate": Figure("events in a second meanwhile", "events"),
    }


def _kept(visit: Page) -> Mapping[str, float]:
    """Return what the page keeps once its garbage is collected."""
    session = visit.context.new_cdp_session(visit)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    session.detach()
    return {metric["name"]: metric["value"] for metric in metrics}


class _Requests:
    """Requests at a steady rate from another process, while the ``with`` block runs."""

    def __init__(self, url: str, rate: int, seconds: float) -> None:
        load = [sys.executable, "-m", "hamms_trio", "load", url, "--rate", str(rate)]
        self._command = [*load, "--duration", str(seconds + WARM_UP * 2), "--concurrency", "8"]

    def __enter__(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)

    def __exit__(self, *_exception: object) -> None:
        self._process.terminate()
        self._process.wait()
