"""Terms: the certificates, versions, ciphers and protocols that a server offers in a handshake."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hamms_trio.pki.recipes import HEALTHY_CHAIN, Chain, ChainRoot


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """A server's side of a handshake.

    Attributes:
        chain: the certificates that it sends, in this order; the first is its own.
        least, most: the versions that it accepts, such as ``1.2``.
        ciphers: OpenSSL's names of suites up to TLS 1.2; "" for those of a healthy server.
        level: OpenSSL's security level; None for the system's. 0 allows old versions, short keys and SHA-1.
        curve: the only group for the key exchange, by OpenSSL's name; "" for the usual ones.
        group: for Diffie-Hellman with a prime, by its name in `pki.material.dh_groups`; "" for none.
        wants: the root that a client's certificate must lead to; None to ask for no certificate.
        tickets: how many tickets for resumption TLS 1.3 sends after the handshake.
        logs_keys: True if the secrets of the handshakes are needed (see `modes.peers.sealing`).
        protocols: for ALPN; the first one that the client also offers is chosen.
    """

    chain: Chain = HEALTHY_CHAIN
    least: str = "1.2"
    most: str = "1.3"
    ciphers: str = ""
    level: int | None = None
    curve: str = ""
    group: str = ""
    wants: ChainRoot | None = None
    protocols: tuple[str, ...] = ("http/1.1",)
    tickets: int = 2
    logs_keys: bool = False


HEALTHY_TERMS = Terms()


def presenting(chain: Chain, **changes: object) -> Terms:
    """Return the terms of a healthy server with another chain, and further changes."""
    return replace(HEALTHY_TERMS, chain=chain, **changes)  # type: ignore[arg-type] # fields of terms


def insisting(**changes: object) -> Terms:
    """Return the terms of a healthy server with these changes."""
    return replace(HEALTHY_TERMS, **changes)  # type: ignore[arg-type] # fields of terms
