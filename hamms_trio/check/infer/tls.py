"""The versions of TLS that a client speaks, and what it verifies of a certificate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.report import SURE, Inference

_VERSIONS = {
    "tls10-only": "1.0",
    "tls11-only": "1.1",
    "tls12-only": "1.2",
    "tls13-only": "1.3",
}
# Each check of a certificate, and a mode that only a client with this check refuses.
_VERIFIED = {
    "names": "tls-wrong-host",
    "begin": "tls-not-yet-valid",
    "expiry": "tls-expired",
    "root": "tls-untrusted-root",
    "issuers": "tls-issuer-not-ca",
    "constraints of names": "tls-name-constraints",
    "key usage": "tls-keyusage",
    "extended key usage": "tls-eku-client-only",
    "digest of signatures": "tls-sig-sha1",
    "stapled status": "tls-revoked",
}


def infer_tls(traces: Mapping[str, Trace]) -> Iterator[tuple[str, Inference]]:
    """Yield the versions that a handshake succeeded with, and what the client verifies."""
    versions = {word: traces[slug] for slug, word in _VERSIONS.items() if slug in traces}
    if versions:
        spoken = [word for word, trace in versions.items() if trace.ok]
        yield (
            "tls.versions",
            Inference(", ".join(spoken) or "none", SURE, _evidence(versions.values())),
        )
    verified = {word: traces[slug] for word, slug in _VERIFIED.items() if slug in traces}
    if verified:
        refused = [word for word, trace in verified.items() if not trace.ok]
        yield (
            "tls.verifies",
            Inference(", ".join(refused) or "nothing", SURE, _evidence(verified.values())),
        )


def _evidence(traces: Iterable[Trace]) -> list[str]:
    return [f"{trace.slug}: {'accepted' if trace.ok else 'refused'}" for trace in traces]
