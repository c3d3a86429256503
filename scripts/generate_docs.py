"""Write the pages that are generated from the catalogue, or with --check say whether they are current."""

from __future__ import annotations

import sys
from pathlib import Path

from hamms_trio.cli.catalogue import as_markdown
from hamms_trio.modes import CATALOGUE

PAGE = Path(__file__).parent.parent / "docs" / "modes.md"


def main() -> int:
    page = as_markdown(CATALOGUE)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        print("docs/modes.md is not current: run `make docs` and commit it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
