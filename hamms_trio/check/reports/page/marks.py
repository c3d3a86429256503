"""The marks of verdicts: a shape for each kind of finding, so that nothing is lost in greyscale."""

from __future__ import annotations

from hamms_trio.check.report import ModeReport

# By its name, the drawing on a field of 16 by 16 pixels.
_LINE = 'fill="none" stroke="currentColor"'
DRAWINGS = {
    "pass": f'<circle cx="8" cy="8" r="3.5" {_LINE} stroke-width="1.4"/>',
    "na": f'<path d="M4.5 8h7" {_LINE} stroke-width="1.4"/>',
    "info": f'<path d="M8 7v5M8 3.6v1.6" {_LINE} stroke-width="1.6"/>',
    "warn": f'<path d="M8 2.8 14 13.2H2z" {_LINE} stroke-width="1.5" stroke-linejoin="round"/>',
    "rejected": f'<path d="M8 2 14 8 8 14 2 8zM5.6 8h4.8" {_LINE} stroke-width="1.6"/>',
    "hang": (
        f'<path d="M3.5 2.5h9M3.5 13.5h9" {_LINE} stroke-width="1.6"/>'
        '<path d="M4.5 3h7L8 8l3.5 5h-7L8 8z" fill="currentColor"/>'
    ),
    "storm": f'<path d="M3 3l5 5-5 5M8 3l5 5-5 5" {_LINE} stroke-width="2"/>',
    "trunc": (
        '<path d="M2.5 2.5h11v4L9.8 9l.4 1.6L6.5 13.5h-4z" fill="currentColor"/>'
        f'<path d="M13.5 9v4.5H9" {_LINE} stroke-width="1.2" stroke-dasharray="1.6 1.4"/>'
    ),
    "corrupt": (
        '<path fill-rule="evenodd" fill="currentColor" '
        'd="M2.5 2.5h11v11h-11zM5 5.2h3v2.6H5zm3 3h3v2.6H8z"/>'
    ),
    "inject": (
        '<path fill-rule="evenodd" fill="currentColor" d="M5 1.5h6L14.5 5v6L11 14.5H5L1.5 11V5z'
        'M7.2 4v3.2H4v1.6h3.2V12h1.6V8.8H12V7.2H8.8V4z"/>'
    ),
    "crash": f'<path d="M3 3l10 10M13 3 3 13" {_LINE} stroke-width="2.6"/>',
}

# The mark of each class of findings.
MARKS = {
    "ok": "pass",
    "policy": "info",
    "no-retry": "info",
    "lacks": "na",
    "not-fired": "na",
    "lenient": "warn",
    "strict": "warn",
    "no-timeout": "warn",
    "foreign-error": "warn",
    "spins": "warn",
    "rejected": "rejected",
    "late": "hang",
    "hang": "hang",
    "retry-storm": "storm",
    "double-send": "storm",
    "early": "storm",
    "resources": "storm",
    "truncated": "trunc",
    "corrupt": "corrupt",
    "injected": "inject",
    "leak": "inject",
    "insecure": "inject",
    "crash": "crash",
}


def mark_of(mode: ModeReport) -> str:
    """Return the name of a verdict's mark."""
    return MARKS[mode.class_]


def glyph(mark: str) -> str:
    """Return the drawing of a mark."""
    return f'<svg class="g" viewBox="0 0 16 16" aria-hidden="true"><use href="#v-{mark}"/></svg>'


def symbols() -> str:
    """Return the definitions that `glyph` uses."""
    shapes = "".join(
        f'<symbol id="v-{mark}" viewBox="0 0 16 16">{shape}</symbol>'
        for mark, shape in DRAWINGS.items()
    )
    return f'<svg class="defs" aria-hidden="true" focusable="false"><defs>{shapes}</defs></svg>'
