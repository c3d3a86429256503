"""The contrast of the page's colours, computed from its tokens (WCAG 2.2 §1.4.3 and §1.4.11)."""

from __future__ import annotations

import re

import pytest

from hamms_trio.workbench.routing.page import WEB

TOKENS = (WEB / "styles" / "tokens.css").read_text("utf-8")
PAIR = re.compile(r"--([a-z0-9-]+):\s*light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
COLOURS = {name: (light, dark) for name, light, dark in PAIR.findall(TOKENS)}
SURFACES = ("bg", "panel", "sunk", "raised", "select")
TEXTS = ("ink", "ink-2", "client", "server", "fault", "sev-1", "sev-3")
BOUNDS = ("edge", "focus")


def luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_and_border_has_enough_contrast(theme: int) -> None:
    pairs = [(text, surface, 4.5) for text in TEXTS for surface in SURFACES]
    pairs += [(bound, surface, 3.0) for bound in BOUNDS for surface in SURFACES]
    pairs += [("on-ink", solid, 4.5) for solid in ("ink", "sev-5", "sev-6")]
    pairs += [("fault", "fault-wash", 4.5), ("ok", "ok-wash", 4.5), ("sev-1", "sev-1-wash", 4.5)]
    weak = {
        (one, other): round(contrast(COLOURS[one][theme], COLOURS[other][theme]), 2)
        for one, other, least in pairs
        if contrast(COLOURS[one][theme], COLOURS[other][theme]) < least
    }
    assert weak == {}
