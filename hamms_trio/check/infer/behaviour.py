"""Connections, redirects, codings and limits of a client; and all inferences together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.infer.retries import infer_retries
from hamms_trio.check.infer.timeouts import infer_timeouts
from hamms_trio.check.infer.tls import infer_tls
from hamms_trio.check.infer.trace import Trace
from hamms_trio.check.plan.needs import Need
from hamms_trio.check.report import LIKELY, SURE, Inference

MOST_OF_TIMEOUT = 0.8  # the client's clock may start a little before ours
_CODINGS = (Need.GZIP, Need.DEFLATE, Need.BR, Need.ZSTD)
# The limits, and the modes that try sizes of it, the smallest first.
_LIMITS = {
    "limit.header-section": (("head-size", "64 KB"), ("head-1m", "1 MB"), ("head-10m", "10 MB")),
    "limit.status-line": (("status-huge-reason", "1 MB"),),
    "limit.fields": (("head-count", "101 fields"),),
    "limit.chunk-extension": (("chunk-ext-huge", "1 MB"),),
    "limit.body": (("coding-bomb-gzip", "128 MB decoded"),),
}


def infer(
    traces: Mapping[str, Trace],
    probed: Iterable[Facts],
    has: frozenset[Need],
    kept: Sequence[bool] = (),
) -> dict[str, Inference]:
    """Infer the behaviour of a client from the traces of its cells.

    Args:
        kept: for each of several origins that were met twice, True if the connection was kept.
    """
    probes = {facts.slug: Trace.of(facts) for facts in probed}
    both = {**probes, **traces}
    found = dict(infer_timeouts(both))
    found.update(infer_retries(both))
    found.update(_connections(probes, has))
    found.update(_pool(kept))
    found.update(_redirects(both, has))
    found.update(_codings(probes, has))
    found.update(_limits(both))
    found.update(infer_tls(traces))
    return found


def _connections(
    probes: Mapping[str, Trace], has: frozenset[Need]
) -> Iterator[tuple[str, Inference]]:
    trace = probes.get("ok-keepalive")
    if trace is None or Need.SESSION not in has or trace.attempts < 2:
        return
    value = "reused" if trace.connections == 1 else "one for each request"
    evidence = [f"ok-keepalive: {trace.attempts} requests on {trace.connections} connection(s)"]
    yield "connections", Inference(value, SURE, evidence)


def _pool(kept: Sequence[bool]) -> Iterator[tuple[str, Inference]]:
    if not kept:
        return
    number = sum(kept)
    value = f"{number} connections" if number < len(kept) else f"at least {number} connections"
    evidence = [f"{len(kept)} origins met twice: {number} connections were kept"]
    yield "connections.pool", Inference(value, LIKELY, evidence)


def _redirects(
    traces: Mapping[str, Trace], has: frozenset[Need]
) -> Iterator[tuple[str, Inference]]:
    if "ok-redirect" in traces:
        evidence = [f"ok-redirect: {traces['ok-redirect'].attempts} request(s)"]
        yield (
            "redirects",
            Inference("followed" if Need.REDIRECT in has else "not followed", SURE, evidence),
        )
    loop = traces.get("redirect-loop")
    if loop is not None and Need.REDIRECT in has:
        hops = loop.attempts - 1
        # A client that ends at its own timeout has met no limit.
        in_time = loop.timeout is None or loop.seconds < MOST_OF_TIMEOUT * loop.timeout
        value = str(hops) if loop.ended and in_time else f"more than {hops}"
        evidence = [f"redirect-loop: {hops} redirects followed"]
        count = traces.get("redirect-count")
        if count is not None and count.ok and count.attempts - 1 > hops:  # a loop ends at once
            value = f"at least {count.attempts - 1}"
            evidence.append(f"redirect-count: {count.attempts - 1} redirects followed")
        yield "redirects.limit", Inference(value, SURE, evidence)


def _codings(probes: Mapping[str, Trace], has: frozenset[Need]) -> Iterator[tuple[str, Inference]]:
    if "ok-gzip" not in probes:
        return
    decoded = [need.word for need in _CODINGS if need in has]
    accepted = probes["ok-gzip"].field("accept-encoding")
    evidence = [f"Accept-Encoding: {accepted}" if accepted else "no Accept-Encoding"]
    evidence += [f"ok-{word}: decoded" for word in decoded]
    yield "decodings", Inference(", ".join(decoded) or "none", SURE, evidence)


def _limits(traces: Mapping[str, Trace]) -> Iterator[tuple[str, Inference]]:
    for topic, tried in _LIMITS.items():
        known = [
            (traces[slug], size) for slug, size in tried if slug in traces and traces[slug].attempts
        ]
        if not known:
            continue
        taken = [size for trace, size in known if trace.ended and trace.ok]
        refused = [size for trace, size in known if not (trace.ended and trace.ok)]
        if taken and refused:
            value = f"between {taken[-1]} and {refused[0]}"
        else:
            value = f"none up to {taken[-1]}" if taken else f"below {refused[0]}"
        evidence = [f"{trace.slug}: {'accepted' if trace.ok else 'refused'}" for trace, _ in known]
        yield topic, Inference(value, LIKELY, evidence)
