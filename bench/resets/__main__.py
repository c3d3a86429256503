"""``python -m bench.resets NAME ARGUMENTS OUTER SECONDS``: reset connections and print the outcome of each try.

ARGUMENTS is a JSON object. OUTER is the network namespace of the caller, in which this program refuses to run.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from bench.resets.crowd import crowd
from bench.resets.foreign import foreign
from bench.resets.namespace import NAMESPACE
from bench.resets.own import own
from bench.resets.owner import owner
from tests.netsplode.inject.namespaces import ip

PLAYS: dict[str, Callable[..., object]] = {
    play.__name__: play for play in (crowd, foreign, own, owner)
}


def main() -> None:
    name, arguments, outer, seconds = sys.argv[1:]
    if os.readlink(NAMESPACE) == outer:
        sys.exit("refused: this network namespace is not private")
    signal.alarm(int(seconds))  # in case it hangs
    ip("link", "set", "lo", "up")
    print(json.dumps(PLAYS[name](**json.loads(arguments))), flush=True)


if __name__ == "__main__":
    main()
