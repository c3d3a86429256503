"""Watch the ends of a connection that are sockets of this host."""

from __future__ import annotations

import errno
import sys

from netsplode.kernel.diag import Diag, Entry
from netsplode.kernel.tcp import State
from netsplode.targets import Target

# The errors of a sandbox without netlink, such as systemd's RestrictAddressFamilies=.
_NO_NETLINK = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EPERM, errno.EACCES)
# A closed socket leaves a smaller one behind, with a cookie of its own; that one is no later connection.
_LEFTOVERS = (State.FIN_WAIT_2, State.TIME_WAIT)
REMADE = (
    "a later connection took the same addresses before the reset had ended; a segment that was sent just "
    "before may have reached it"
)


class Watch:
    """A view of the ends of a connection. Call `look` before the reset, and `close` after it.

    Attributes:
        target: the connection.
        visible: the ends, "local" and "remote", that were sockets of this host at the time of `look`; empty
            where there is no sock_diag.
        is_in_other_network: True if the connection was in another network namespace then, and can't be seen.
        doubt: why segments may have reached another connection; empty if they can't have.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.visible: frozenset[str] = frozenset()
        self.is_in_other_network = False
        self.doubt = ""
        self._cookies: dict[str, int] = {}
        self._diag: Diag | None = None

    def look(self) -> None:
        """Note which ends can be seen; a second call changes nothing."""
        self.is_in_other_network = self.is_in_other_network or self.target.is_in_other_network
        if self._diag is None and sys.platform == "linux" and not self.is_in_other_network:
            try:
                self._diag = self.target.run_in_network(Diag)
            except OSError as error:
                if error.errno not in _NO_NETLINK:
                    raise
                return
            found = {end: self._cookie(end) for end in ("local", "remote")}
            self._cookies = {end: cookie for end, cookie in found.items() if cookie}
            self.visible = frozenset(self._cookies)

    def stands(self, end: str) -> bool:
        """Return True if an end that was seen is still there; a later socket with its addresses is not."""
        return self._cookie(end) == self._cookies[end]

    def is_remade(self) -> bool:
        """Return True if a later connection has the same addresses by now, and note the doubt."""
        if not self.doubt and any(self._has_later(end) for end in self.visible):
            self.doubt = REMADE
        return bool(self.doubt)

    def may_send_to(self, end: str) -> bool:
        """Return True if a segment to this end reaches this connection, and none that came after it.

        An end on another host can't be seen. But no later connection has its addresses while ours stands.
        """
        if self.doubt:
            return False
        return self.stands(end) if end in self.visible else not self.is_remade()

    def close(self) -> None:
        """Close the netlink socket."""
        if self._diag is not None:
            self._diag.close()

    def _has_later(self, end: str) -> bool:
        entry = self._entry(end)
        return (
            entry is not None
            and entry.cookie != self._cookies[end]
            and (entry.inode != 0 or entry.state not in _LEFTOVERS)
        )

    def _cookie(self, end: str) -> int:
        entry = self._entry(end)
        return entry.cookie if entry is not None else 0

    def _entry(self, end: str) -> Entry | None:
        assert self._diag is not None
        target = self.target
        pair = (target.local, target.remote) if end == "local" else (target.remote, target.local)
        return self._diag.get(*pair, interface=target.interface)
