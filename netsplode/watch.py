"""Look at the ends of a connection that are sockets of this host."""

from __future__ import annotations

import errno
import sys

from netsplode.kernel.diag import Diag
from netsplode.targets import Target

# What a sandbox answers, such as systemd's RestrictAddressFamilies=.
_NO_NETLINK = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EPERM, errno.EACCES)


class Watch:
    """Which ends of a connection stand. Have it `look` before they are reset; close it, or use it in a ``with``.

    Attributes:
        sees: those of "local" and "remote" that were sockets of this host when it looked; none where there
            is no sock_diag to ask.
        is_elsewhere: whether the connection was in another network namespace then, where nothing can be seen.
    """

    def __init__(self, target: Target) -> None:
        self.sees: frozenset[str] = frozenset()
        self.is_elsewhere = False
        self._target = target
        self._cookies: dict[str, int] = {}
        self._diag: Diag | None = None

    def look(self) -> None:
        """Note which ends there are to see, if that was not done yet."""
        self.is_elsewhere = self.is_elsewhere or self._target.is_elsewhere
        if self._diag is None and sys.platform == "linux" and not self.is_elsewhere:
            try:
                self._diag = Diag()
            except OSError as error:
                if error.errno not in _NO_NETLINK:
                    raise
                return
            found = {end: self._cookie(end) for end in ("local", "remote")}
            self._cookies = {end: cookie for end, cookie in found.items() if cookie}
            self.sees = frozenset(self._cookies)

    def stands(self, end: str) -> bool:
        """Whether an end that was seen is still there; another with its addresses is not it."""
        return self._cookie(end) == self._cookies[end]

    def close(self) -> None:
        if self._diag is not None:
            self._diag.close()

    def _cookie(self, end: str) -> int:
        assert self._diag is not None
        target = self._target
        pair = (target.local, target.remote) if end == "local" else (target.remote, target.local)
        entry = self._diag.get(*pair, interface=target.interface)
        return entry.cookie if entry is not None else 0
