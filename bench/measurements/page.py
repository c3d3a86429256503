"""The page in a browser: its first paint, its frames while many events arrive, and the memory that it keeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from bench.effort import Effort
from bench.errors import NotInstalled
from bench.figures import OURS, AtMost, Figure, interleave

FIRST_PAINT_MS = 300.0
FRAME_MS = 1000 / 60 * 1.2  # the median; a browser without a screen draws 60 frames in a second
EVENTS_PER_SECOND = 1000
WARM_UP = 20.0  # seconds, in which the page fills its ring of 10 000 events
MEMORY_MB = 10.0  # a tenth of the ring of events comes and goes
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


def page(effort: Effort) -> list[Figure]:
    """Open the page beside a lab, and let so many events arrive as a busy day brings."""
    try:
        from playwright.sync_api import sync_playwright

        from tests.browser.opened import CHROMIUM, launched
    except ImportError:
        raise NotInstalled("playwright is not installed") from None
    if CHROMIUM is None:
        raise NotInstalled("chromium is not installed")
    from hamms_trio.blocking import HammsServer

    seconds = effort.seconds(120.0)

    def sample() -> Mapping[str, float]:
        with (
            HammsServer(beginning_port=0, workbench=True) as lab,
            sync_playwright() as playwright,
        ):
            browser = launched(playwright)
            visit = browser.new_page()
            url = lab.workbench.url("/")
            visit.goto(f"{url}#/live")
            visit.wait_for_selector("main h1")
            paint = visit.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            )
            session = visit.context.new_cdp_session(visit)
            with _Requests(url, EVENTS_PER_SECOND // 2, seconds):  # two events for each request
                visit.wait_for_timeout(WARM_UP * 1000)
                session.send("HeapProfiler.collectGarbage")
                before = visit.evaluate("performance.memory.usedJSHeapSize")
                frames = visit.evaluate(FRAMES, seconds)
                rate = visit.evaluate(
                    "import('/playground/app/live/connections.js').then(({rate}) => rate.value)"
                )
                session.send("HeapProfiler.collectGarbage")
                after = visit.evaluate("performance.memory.usedJSHeapSize")
            browser.close()
        return {
            "paint": paint,
            "frame": frames[len(frames) // 2],
            "slow": frames[int(len(frames) * 0.95)],
            "memory": (after - before) / 1e6,
            "rate": rate,
        }

    figures = {
        "paint": Figure("first paint", "ms", (AtMost(FIRST_PAINT_MS),)),
        "frame": Figure("time of a frame, median", "ms", (AtMost(FRAME_MS),)),
        "slow": Figure("time of a frame, 95th percentile", "ms"),
        "memory": Figure(f"memory that {seconds:.0f} s of events add", "MB", (AtMost(MEMORY_MB),)),
        "rate": Figure("events in a second meanwhile", "events"),
    }
    return interleave(effort.rounds, {OURS: sample}, figures)


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
