"""SOCK_DESTROY: the kernel aborts a socket of any process."""

from __future__ import annotations

import sys

from netsplode.errors import ConnectionNotFound
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag
from netsplode.privileges import missing_capability
from netsplode.result import End
from netsplode.targets import Target
from netsplode.techniques.technique import Ends, Steps, ends, obstacle_in_other_network
from netsplode.watch import Watch


class Destroy:
    """SOCK_DESTROY by the socket's cookie (Linux, CAP_NET_ADMIN)."""

    name = "destroy"

    def obstacle(self, target: Target) -> str | None:
        if target.is_forwarded:
            return "the connection does not end on this host"
        return obstacle_in_other_network(target) if sys.platform == "linux" else "it needs Linux"

    def reset(self, target: Target, watch: Watch, seconds: float) -> Steps[Ends]:
        yield from ()
        with target.run_in_network(Diag) as diag:
            entry = target.entry or diag.get(
                target.local, target.remote, interface=target.interface
            )
            if entry is None or (
                target.sock is not None and tcp.cookie(target.sock) != entry.cookie
            ):
                raise ConnectionNotFound("the kernel does not list this connection")
            try:
                diag.destroy(entry)
            except FileNotFoundError as error:
                raise ConnectionNotFound("the connection has ended meanwhile") from error
            except PermissionError as error:
                raise missing_capability(
                    "this process may not destroy sockets", "CAP_NET_ADMIN"
                ) from error
        return ends(End.ABORTED)
