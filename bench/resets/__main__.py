"""``python -m bench.resets NAME ARGUMENTS OUTER SECONDS``: reset connections and print what came of it.

ARGUMENTS is a JSON object. OUTER is the network namespace of whoever starts this: it refuses to run there.
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
from tests.netsplode.inject.namespaces import ip

PLAYS: dict[str, Callable[..., object]] = {play.__name__: play for play in (crowd, foreign, own)}


def main() -> None:
    name, arguments, outer, seconds = sys.argv[1:]
    if os.readlink(NAMESPACE) == outer:
        sys.exit("refused: this network namespace is not private")
    signal.alarm(int(seconds))  # whatever happens, it ends
    ip("link", "set", "lo", "up")
    print(json.dumps(PLAYS[name](**json.loads(arguments))), flush=True)


if __name__ == "__main__":
    main()
