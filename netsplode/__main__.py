"""``python -m netsplode``: the command ``netsplode``."""

from netsplode.cli import main

if __name__ == "__main__":
    main(prog_name="netsplode")
