"""The table of adapters in docs/clients.md."""

from __future__ import annotations

from hamms_trio.check.adapters import ADAPTERS

BEGIN, END = "<!-- written by make docs: begin -->\n", "<!-- written by make docs: end -->\n"


def with_adapters(page: str) -> str:
    """Return the page with the table of today's adapters between its marks."""
    rows = "".join(
        f"| `{name}` | {adapter.timeout} | {adapter.install or 'comes with its language'} |\n"
        for name, adapter in ADAPTERS.items()
    )
    before, _, rest = page.partition(BEGIN)
    table = f"| adapter | `{{timeout}}` bounds | install |\n|---|---|---|\n{rows}"
    return before + BEGIN + table + END + rest.partition(END)[2]
