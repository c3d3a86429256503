"""How clients meet each mode, as its declaration has it: what `clients_table` does, and `mode_pages` says."""

from __future__ import annotations

from dataclasses import dataclass

from hamms_trio.modes import FailureMode
from hamms_trio.modes.drivers import SOCKS


@dataclass(frozen=True)
class Way:
    """How clients meet a mode.

    Attributes:
        follows: True if they follow redirects.
        crosses: True if a redirect leads to another origin, which says what secrets the client brought.
        proxy: the scheme of the proxy that the mode is, and that they ask for a tunnel; "" if it is none.
        secure: True if they speak TLS, and trust the server's authority.
    """

    follows: bool
    crosses: bool
    proxy: str
    secure: bool

    @classmethod
    def to(cls, mode: FailureMode) -> Way:
        return cls(
            follows=mode.family == "redirect" or mode.crosses,
            crosses=mode.crosses,
            proxy=_proxy_scheme(mode),
            secure=mode.speaks_tls,
        )

    @property
    def words(self) -> str:
        """How they ask, for readers."""
        ways = {
            "followed redirects": self.follows,
            "brought secrets": self.crosses,
            "asked for a tunnel through the mode": bool(self.proxy),
            "trusted the authority": self.secure or self.proxy.startswith("http"),
        }
        return " and ".join(words for words, applies in ways.items() if applies)


def _proxy_scheme(mode: FailureMode) -> str:
    if mode.family != "proxy":
        return ""
    return "socks5h" if mode.driver is SOCKS else "http"
