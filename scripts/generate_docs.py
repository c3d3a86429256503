"""Write the generated pages and the schema of reports, or with --check say whether they are current."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from hamms_trio.check.report_schema import report_schema
from hamms_trio.modes import CATALOGUE
from scripts.adapter_table import with_adapters
from scripts.mode_pages import pages

DOCS = Path(__file__).parent.parent / "docs"
CLIENTS = DOCS / "clients.md"


def main() -> int:
    """Write or check every page; return the exit code."""
    written = {DOCS / path: page for path, page in pages(CATALOGUE).items()}
    written[DOCS / "report.schema.json"] = report_schema()
    written[CLIENTS] = with_adapters(CLIENTS.read_text(encoding="utf-8"))
    stale = [path for path in (DOCS / "modes").glob("*.md") if path not in written]
    if "--check" not in sys.argv[1:]:
        (DOCS / "modes").mkdir(exist_ok=True)
        for path, page in written.items():
            path.write_text(page, encoding="utf-8")
        for path in stale:
            path.unlink()
        return 0
    stale += [
        path
        for path, page in written.items()
        if not path.exists() or path.read_text(encoding="utf-8") != page
    ]
    for path in stale:
        name = path.relative_to(DOCS.parent)
        print(f"{name} is not current: run `make docs` and commit it", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
