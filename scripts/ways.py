"""How clients meet each mode, as its declaration has it: what `clients_table` does, and `mode_pages` says."""

from __future__ import annotations

from dataclasses import dataclass

from hamms_trio.modes import FailureMode


@dataclass(frozen=True)
class Way:
    """How clients meet a mode.

    Attributes:
        follows: True if they follow redirects.
        crosses: True if a redirect leads to another origin, which says what secrets the client brought.
        proxied: True if the mode is their proxy, and they ask for a tunnel.
        secure: True if they speak TLS, and trust the server's authority.
    """

    follows: bool
    crosses: bool
    proxied: bool
    secure: bool

    @classmethod
    def to(cls, mode: FailureMode) -> Way:
        return cls(
            follows=mode.family == "redirect" or mode.crosses,
            crosses=mode.crosses,
            proxied=mode.family == "proxy",
            secure=mode.speaks_tls,
        )

    @property
    def words(self) -> str:
        """How they ask, for readers."""
        ways = {
            "followed redirects": self.follows,
            "brought secrets": self.crosses,
            "asked for a tunnel through the mode": self.proxied,
            "trusted the authority": self.secure or self.proxied,
        }
        return " and ".join(words for words, applies in ways.items() if applies)
