"""The score as a badge in SVG, for a README."""

from __future__ import annotations

from html import escape

from hamms_trio.check.report import CheckReport

LABEL = "resilience"
_LETTER = 6.6  # pixels, about, in 11 px Verdana
_PADDING = 12
_COLOURS = ("#11663d", "#6f5700", "#6f5700", "#74358a", "#74358a", "#b3141f", "#12181a")  # by rank


def badge(report: CheckReport) -> str:
    """Return a badge with the score; its colour says how bad the worst finding is."""
    worst = max((mode.rank for mode in report.modes.values()), default=0)
    text = f"{report.summary.score:.0f} of 100" if report.summary.complete else "incomplete"
    left, right = _width(LABEL), _width(text)
    name = escape(f"{report.client.name} {LABEL}: {text}", quote=True)
    font = 'font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11"'
    image = f'width="{left + right}" height="20" role="img" aria-label="{name}"'
    return f"""<svg xmlns="http://www.w3.org/2000/svg" {image}>
<title>{name}</title>
<rect width="{left}" height="20" fill="#465155"/>
<rect x="{left}" width="{right}" height="20" fill="{_COLOURS[worst]}"/>
<g fill="#fff" text-anchor="middle" {font}>
<text x="{left / 2:g}" y="14" textLength="{left - _PADDING}">{LABEL}</text>
<text x="{left + right / 2:g}" y="14" textLength="{right - _PADDING}">{text}</text>
</g>
</svg>
"""


def _width(text: str) -> int:
    return round(len(text) * _LETTER) + _PADDING
