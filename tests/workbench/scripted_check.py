"""A program in place of a real check: it lists one client, and grades it at once, or waits until it is stopped."""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    if sys.argv[1] == "--clients":
        names = ("quick", "endless", "broken")
        print(json.dumps([{"name": name} for name in names]))
        return
    client, seed, *suites = sys.argv[1:]
    tell({"done": 0, "of": 1})
    if client == "endless":
        time.sleep(600)
    if client == "broken":
        tell({"problem": "the client fails against a healthy server"})
        sys.exit(2)
    mode = {"verdict": "PASS", "class": "ok", "code": "H000", "rank": 0, "family": "frame"}
    tell({"done": 1, "of": 1})
    tell(
        {
            "report": {
                "schema": 1,
                "client": {"name": client, "argv": [client], "version": "1.0"},
                "seed": int(seed),
                "suite": suites,
                "modes": {"frame-cl-short-fin": mode},
                "summary": {"score": 100.0},
            }
        }
    )


def tell(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


main()
