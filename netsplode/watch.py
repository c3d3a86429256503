"""Look at the ends of a connection that are sockets of this host."""

from __future__ import annotations

import sys
from types import TracebackType

from netsplode.kernel.diag import Diag
from netsplode.targets import Target


class Watch:
    """Which ends of a connection stand; to be made before it is reset. Close it, or use it in a ``with``.

    Attributes:
        sees: those of "local" and "remote" that were sockets of this host; none where there is no sock_diag.
    """

    def __init__(self, target: Target) -> None:
        self._pairs = {
            "local": (target.local, target.remote),
            "remote": (target.remote, target.local),
        }
        self._interface = target.interface
        self._cookies: dict[str, int] = {}
        if sys.platform == "linux":
            self._diag = Diag()
            for end in self._pairs:
                cookie = self._cookie(end)
                if cookie:
                    self._cookies[end] = cookie
        self.sees = frozenset(self._cookies)

    def stands(self, end: str) -> bool:
        """Whether an end that was seen is still there; another with its addresses is not it."""
        return self._cookie(end) == self._cookies[end]

    def close(self) -> None:
        if sys.platform == "linux":
            self._diag.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _cookie(self, end: str) -> int:
        entry = self._diag.get(*self._pairs[end], interface=self._interface)
        return entry.cookie if entry is not None else 0
