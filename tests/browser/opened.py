"""The page in a browser: its complaints, and a visitor's first steps."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox",  # as root in a container there is none
    "--disable-gpu",
    "--in-process-gpu",  # a process less
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 10_000  # milliseconds for whatever a test waits for
# A browser says so itself, in red, for each fetch that is refused or cut: the page handles them.
EXPECTED = ("Failed to load resource", "net::ERR_")


def launched(playwright: Playwright) -> Browser:
    """Start the browser."""
    assert CHROMIUM is not None
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))


class Visit:
    """One visit of the page in a fresh browser context.

    Attributes:
        complaints: errors of scripts, and what the content security policy has blocked.
    """

    def __init__(self, browser: Browser, base: str, *, width: int = 1280, dark: bool = False):
        self.base = base.rstrip("/")
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, address: str = "/") -> Page:
        """Go to an address of the page, and wait until the view stands."""
        self.page.goto(self.base + address)
        self.page.wait_for_selector("main h1, main .empty, main .note")
        return self.page

    def close(self) -> None:
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(word in message.text for word in EXPECTED):
            self.complaints.append(message.text)


def serious_violations(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical."""
    page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, object]] = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
        ".filter(({impact}) => impact === 'serious' || impact === 'critical')"
        ".map(({id, nodes}) => ({id, nodes: nodes.slice(0, 3).map((node) => node.html + node.failureSummary)}))"
    )
    return [f"{violation['id']}: {violation['nodes']}" for violation in found]
