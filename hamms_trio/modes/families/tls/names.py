"""Certificates with wrong, odd or missing names."""

from __future__ import annotations

from typing import Annotated

from hamms_trio.modes.declare import insists
from hamms_trio.modes.model.expectation import Level, may_choose, must_error, must_succeed
from hamms_trio.modes.model.parameters import Choice, Text
from hamms_trio.pki.recipes import LOCAL_NAMES, authority, below, chain_of, server
from hamms_trio.pki.terms import Terms, presenting

HOSTS = ("localhost", "*.hamms.localhost")
CN_LABEL = "tls-name-constraints-cn"

# Names that a client must not take for localhost, 127.0.0.1 or tls-san-edge.hamms.localhost.
EDGES: dict[str, tuple[str, ...]] = {
    "partial-wildcard": ("tls-san-*.hamms.localhost",),
    "bare-wildcard": ("*",),
    "wildcard-above": ("*.localhost",),
    "wildcard-within": ("tls-san-edge.*.localhost",),
    "two-wildcards": ("*.*.localhost",),
    "nul": ("localhost\0.hamms.localhost",),
    "space": ("localhost ", "tls-san-edge.hamms.localhost "),
    "leading-dot": (".hamms.localhost",),
    "address-as-name": ("127.0.0.1",),
    "mail": ("root@localhost",),
}

Edge = Annotated[str, Choice(*EDGES)]


@insists(client=must_error("RFC 9110 §4.3.4, RFC 9525 §6"))
def tls_wrong_host(*, san: Text = "other.localhost") -> Terms:
    """Present a certificate for another host, ``san``."""
    return presenting(server(names=(san,)))


@insists(client=must_error("RFC 9110 §4.3.4, RFC 9525 §2"))
def tls_no_san() -> Terms:
    """Present a certificate whose only name is its common name, localhost.

    Eight of eleven measured clients accept it, although a common name must not count as a host name.
    """
    return presenting(server(subject="localhost", names=()))


@insists(client=must_succeed("RFC 5280 §4.1.2.6"))
def tls_no_common_name() -> Terms:
    """Present a certificate with an organization and no common name; its names are where they have to be."""
    return presenting(server(subject=None, organization="hamms-trio"))


@insists(client=must_succeed("RFC 5280 §4.1.2.6"))
def tls_no_subject() -> Terms:
    """Present a certificate with an empty subject; its names are in a critical subjectAltName."""
    return presenting(server(subject=None))


@insists(client=must_error("RFC 9525 §6.3, §6.4"))
def tls_san_edge(*, case: Edge = "partial-wildcard") -> Terms:
    """Present a certificate whose name only looks as if it covered localhost or 127.0.0.1.

    ``case`` is the kind: a wildcard within a label, a bare one, one too far up, one that is not the first label, or
    two of them; a NUL or a space after the name, a dot before it, an address among the host names, or a mail
    address. Names outside localhost break the root's own constraint as well, unless the root has none.
    """
    names = EDGES[case]
    if case == "mail":
        return presenting(server(names=names))
    return presenting(server(names=(), dns_names=names))


@insists(client=may_choose("RFC 9525 §6.3", level=Level.QUALITY))
def tls_san_trailing_dot() -> Terms:
    """Present a certificate for ``localhost.``, with a dot after the name; clients disagree about it."""
    return presenting(server(names=(), dns_names=("localhost.",)))


@insists(client=must_error("RFC 9525 §6.4, RFC 9110 §4.3.5"))
def tls_san_other_address() -> Terms:
    """Present a certificate for the address 127.0.0.2, and for no host name."""
    return presenting(server(names=("127.0.0.2",)))


@insists(client=must_error("RFC 9110 §4.3.5"))
def tls_address_in_cn() -> Terms:
    """Present a certificate whose common name is 127.0.0.1, and that has no subjectAltName."""
    return presenting(server(subject="127.0.0.1", names=()))


@insists(client=must_error("RFC 9525 §6.3, RFC 5890 §2.3.2.1"))
def tls_san_idn_wildcard() -> Terms:
    """Present a certificate for ``xn--*.hamms.localhost``, a wildcard within an internationalized label."""
    return presenting(server(names=(), dns_names=("xn--*.hamms.localhost",)))


@insists(client=must_error("RFC 9525 §6.3"))
def tls_san_wildcard_across() -> Terms:
    """Present a certificate for ``*.localhost`` alone, to a client of ``tls-san-wildcard-across.hamms.localhost``.

    A wildcard stands for one label. A client that connects to localhost or to an address must refuse as well.
    """
    return presenting(server(names=("*.localhost",)))


@insists(client=must_succeed("RFC 9525 §6.3, RFC 5890 §2.3.2.1"))
def tls_san_idn() -> Terms:
    """Present a certificate that also names an internationalized host, ``xn--bcher-kva.localhost``."""
    return presenting(server(names=("xn--bcher-kva.localhost", *LOCAL_NAMES)))


def _constrained(**constraints: tuple[str, ...]) -> Terms:
    issuer = authority(subject="hamms-trio, constrained", key_use="constrained", **constraints)
    return presenting(chain_of(below(issuer)))


@insists(
    client=must_error("RFC 5280 §4.2.1.10, §6.1.4(g)"),
    issues=("libressl/portable#1299",),
    mended=_constrained(permitted=("localhost",)),
)
def tls_name_constraints() -> Terms:
    """Present a certificate for localhost below an intermediate that may sign for example.com alone."""
    return _constrained(permitted=("example.com",))


@insists(
    client=must_error("RFC 5280 §4.2.1.10, §6.1.4(g)"),
    mended=_constrained(excluded=("example.com",)),
)
def tls_name_constraints_excluded() -> Terms:
    """Present a certificate for localhost below an intermediate that may sign for all hosts but localhost."""
    return _constrained(excluded=("localhost",))


@insists(
    client=must_error("RFC 5280 §4.2.1.10, §6.1.4(g)"),
    issues=("golang/go#15196",),
    mended=_constrained(permitted=("localhost", "127.0.0.0/8", "::1/128")),
)
def tls_name_constraints_address() -> Terms:
    """Present a certificate for 127.0.0.1 below an intermediate that may sign for the network 10.0.0.0/8.

    A client that connects to localhost must refuse it as well: every name of a certificate has to be permitted.
    """
    return _constrained(permitted=("localhost", "10.0.0.0/8", "::1/128"))


def _narrowed(inner: str) -> Terms:
    outer = authority(subject="hamms-trio, outer", key_use="outer", permitted=("hamms.localhost",))
    within = authority(
        subject="hamms-trio, inner", key_use="inner", issuer=outer, permitted=(inner,)
    )
    return presenting(chain_of(below(within, names=("localhost", "*.hamms.localhost"))))


@insists(
    client=must_error("RFC 5280 §4.2.1.10, §6.1.4(g)"),
    mended=_constrained(permitted=("localhost",)),
)
def tls_name_constraints_widened() -> Terms:
    """Present a certificate for localhost below an intermediate that may sign for all of localhost.

    The intermediate above that one may sign for hamms.localhost alone, and nobody below may widen that.
    """
    return _narrowed("localhost")


@insists(
    client=must_error("RFC 5280 §4.2.1.10", level=Level.SHOULD),
    mended=presenting(
        chain_of(
            below(
                authority(
                    subject="hamms-trio, hosts only", key_use="hosts", permitted=("localhost",)
                ),
                names=HOSTS,
            )
        )
    ),
)
def tls_name_constraints_cn() -> Terms:
    """Present a certificate whose host is its common name, outside the constraint of its issuer.

    The host is ``tls-name-constraints-cn.hamms.localhost``, and the issuer may sign for example.com alone. A client
    that falls back to the common name has to apply the constraint to it.
    """
    issuer = authority(
        subject="hamms-trio, other hosts", key_use="hosts", permitted=("example.com",)
    )
    return presenting(chain_of(below(issuer, subject=f"{CN_LABEL}.hamms.localhost", names=())))
