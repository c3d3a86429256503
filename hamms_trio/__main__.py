"""``python -m hamms_trio``: the command ``hamms-trio``, which serves if no command is given, as hamms did."""

import sys

from hamms_trio.cli import main

if __name__ == "__main__":
    main(args=sys.argv[1:] or ["serve"], prog_name="hamms-trio")
