"""``python -m hamms_trio``: the same as ``hamms-trio``."""

from hamms_trio.cli import main

if __name__ == "__main__":
    main(prog_name="hamms-trio")
