"""Grades: the first rule that finds a fault decides, the worst ones first."""

from __future__ import annotations

from collections.abc import Callable

from hamms_trio.check.client import Stopped
from hamms_trio.check.grading.compare import Likeness
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.grading.fields import misdelivered_field
from hamms_trio.check.grading.outcomes import BY_OUTCOME, Grade, likeness_of
from hamms_trio.check.plan.arguments import NEVER_SILENT
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes.families.type.xml_payloads import ENTITY
from hamms_trio.modes.model.expectation import MOST_ATTEMPTS, Outcome, Reuse

MORE_MEMORY = 64 * 1024 * 1024  # octets beyond the control run
MOST_HOPS = 100
BUSY_SHARE = 0.5  # of a wait, without the time for which no processor was free
LEAST_BUSY = 0.1  # seconds; less may be the start of a client on a busy machine
TOLERANCE = 0.05  # seconds by which clocks may disagree

Rule = Callable[[Facts], Grade | None]
# The fields that belong to one origin, among those that the client was given (RFC 9110 §15.4).
STANDARD_SECRETS = ("authorization", "cookie", "proxy-authorization")
# Much is sent or received in these waits.
_BUSY = ("pace-infinite-body", "sse-endless-line", "tcp-never-read", "tcp-slow-read")
_TO_OTHER_ORIGINS = ("redirect-cross-origin-auth", "redirect-downgrade")


def grade(facts: Facts) -> Grade:
    """Return the finding on a client, and its evidence."""
    for rule in _RULES:
        if (found := rule(facts)) is not None:
            return found
    finding, evidence = BY_OUTCOME[facts.mode.client.outcome](facts)
    if finding is Finding.OK and (spun := _spins(facts)) is not None:
        return spun
    if finding is Finding.OK and facts.answers[-1].ok:
        fault = misdelivered_field(facts.slug, facts.answers[-1])
        return (Finding.LENIENT, f"{evidence} {fault}") if fault else (finding, evidence)
    return finding, evidence


def is_accepted(facts: Facts) -> bool:
    """Return True if the client delivered the whole body of a control."""
    answers = facts.answers
    return bool(answers) and answers[-1].ok and likeness_of(facts, -1)[0] is Likeness.EXACT


def _crash(facts: Facts) -> Grade | None:
    if not facts.visit.death:
        return None
    return Finding.CRASH, f"The client's process ended {facts.visit.death}."


def _not_fired(facts: Facts) -> Grade | None:
    if facts.fired or facts.mode.client.outcome is Outcome.POLICY:
        return None
    if not facts.attempts:
        end = (
            f", and was stopped after {facts.visit.seconds:.1f} seconds" if facts.is_capped else ""
        )
        return Finding.NOT_FIRED, f"The client did not connect{end}."
    return Finding.NOT_FIRED, f"The fault was not played in {facts.attempts} request(s)."


def _forged(facts: Facts) -> Grade | None:
    for number, answer in enumerate(facts.answers, start=1):
        if answer.ok and likeness_of(facts, number - 1)[0] is Likeness.FORGED:
            return Finding.INJECTED, f"The answer to request {number} holds a forged response."
    return None


def _leaks(facts: Facts) -> Grade | None:
    if facts.file and any(facts.file in answer.body for answer in facts.answers):
        return Finding.LEAK, "The client delivered the content of a file of its own machine."
    for request in facts.elsewhere if facts.slug in _TO_OTHER_ORIGINS else ():
        fields = {name.lower() for name, _ in request.fields}
        if found := [name for name in STANDARD_SECRETS if name in fields]:
            return Finding.LEAK, f"The other origin received {', '.join(found)}."
    if facts.slug == "xml-xxe" and any(ENTITY in request.target for request in facts.requests):
        return Finding.LEAK, "The client fetched the external entity that a document names."
    for request in (*facts.requests[1:], *facts.elsewhere):
        for name in ("foreign", "leak"):
            if facts.mode.family == "cookie" and f"{name}=" in (request.head.get("cookie") or ""):
                return Finding.LEAK, f"The cookie {name!r} came back where it must not."
    return None


def _attempts(facts: Facts) -> Grade | None:
    for method, most in facts.mode.client.attempts.items():
        asked = sum(call.method == method for call in facts.calls)
        sent = facts.attempts_by(method)
        if asked and sent > most + asked - 1 and not facts.is_known_by_key(method):
            finding = Finding.DOUBLE_SEND if most == 1 else Finding.RETRY_STORM
            return finding, f"{method} was sent {sent} times; {most} is the most."
    most = MOST_HOPS if facts.mode.family == "redirect" else MOST_ATTEMPTS
    if facts.attempts > most:
        return (
            Finding.RETRY_STORM,
            f"{facts.attempts} requests in {facts.visit.seconds:.1f} seconds.",
        )
    return None


def _early(facts: Facts) -> Grade | None:
    """Compare the gap before the second request with Retry-After; a date counts whole seconds."""
    if facts.slug not in ("retry-after-seconds", "retry-after-date") or len(facts.requests) < 2:
        return None
    seconds = float(facts.requests[0].arguments.get("s", 0))  # type: ignore[arg-type] # it is a number
    wanted = seconds - (1 if facts.slug.endswith("date") else 0) - TOLERANCE
    gap = facts.requests[1].at - facts.requests[0].at
    if gap >= wanted:
        return None
    return (
        Finding.EARLY,
        f"The second request came after {gap:.2f} seconds, Retry-After said {seconds:g}.",
    )


def _stopped(facts: Facts) -> Grade | None:
    stopped = facts.visit.stopped
    if stopped not in (Stopped.MEMORY, Stopped.OUTPUT):
        return None
    return Finding.RESOURCES, f"The client was stopped: {stopped.value}."


def _resources(facts: Facts) -> Grade | None:
    visit = facts.visit
    # A body without end fills memory with time.
    is_about_time = facts.mode.client.outcome is Outcome.TIMEOUT
    if visit.rss is None or facts.control_rss is None or is_about_time:
        return None
    more = visit.rss - max(facts.control_rss, visit.rss_before or 0)
    if more <= MORE_MEMORY:
        return None
    return Finding.RESOURCES, f"{more >> 20} MiB more memory than against a healthy server."


def _spins(facts: Facts) -> Grade | None:
    """Compare the processor time of a client that has nothing to do with that of the control run."""
    visit, control = facts.visit, facts.control_cpu
    is_silent = facts.mode.client.outcome is Outcome.TIMEOUT and facts.slug not in _BUSY
    if not is_silent or visit.cpu is None or control is None:
        return None
    busy, free = visit.cpu - control, visit.seconds - (visit.waited or 0.0)
    if busy <= max(LEAST_BUSY, BUSY_SHARE * free):
        return None
    return (
        Finding.SPINS,
        f"The client used a processor for {busy:.1f} of {free:.1f} seconds, although it only waited.",
    )


def _capped(facts: Facts) -> Grade | None:
    if not facts.is_capped:
        return None
    is_again = facts.attempts > len(facts.calls) and facts.mode.family != "redirect"
    doing = "tried again" if is_again else "waited"
    again = f", after {facts.attempts} attempts" if facts.attempts > 1 else ""
    if facts.slug in NEVER_SILENT:
        again += ", while octets kept coming"
    is_owed = facts.mode.client.outcome is Outcome.EXACT or facts.is_abandoned
    if facts.has_timeout or is_owed:
        return Finding.HANG, f"The client still {doing} when it was stopped{again}."
    return (
        Finding.NO_TIMEOUT,
        f"Without a timeout the client still {doing} when it was stopped{again}.",
    )


def _late(facts: Facts) -> Grade | None:
    slowest = max((answer.seconds for answer in facts.answers), default=0.0)
    if not facts.has_timeout or slowest <= facts.late:
        return None
    if facts.mode.client.outcome in (Outcome.RETRY, Outcome.EXACT, Outcome.POLICY):
        return None
    return Finding.LATE, f"The client took {slowest:.1f} seconds; {facts.late:.1f} is the most."


def _reused(facts: Facts) -> Grade | None:
    if facts.mode.client.reuse is not Reuse.FORBIDDEN or len(facts.requests) < 2:
        return None
    if len({request.connection.number for request in facts.requests}) == len(facts.requests):
        return None
    return (
        Finding.LENIENT,
        "The client sent another request on a connection that had ended by announcement.",
    )


def _posted_again(facts: Facts) -> Grade | None:
    """Find a POST that was sent again after a 303, which asks for a GET (RFC 9110 §15.4.4)."""
    if facts.slug != "redirect-method" or not facts.requests:
        return None
    is_303 = facts.requests[0].arguments.get("status") == "303"
    if not is_303 or "POST" not in [request.method for request in facts.requests[1:]]:
        return None
    return Finding.DOUBLE_SEND, "The 303 asks for a GET, and the client sent the POST again."


def _other_body(facts: Facts) -> Grade | None:
    """Compare the body that arrived with the one that was to be sent."""
    if facts.slug not in ("redirect-post-stream", "upload-echo-digest") or not facts.requests:
        return None
    arrived, wanted = facts.requests[-1], facts.calls[-1].body or b""
    if facts.slug == "redirect-post-stream" and len(facts.requests) < 2:
        return None
    if arrived.body_octets == len(wanted) or not any(answer.ok for answer in facts.answers):
        return None
    finding = Finding.TRUNCATED if arrived.body_octets < len(wanted) else Finding.CORRUPT
    return finding, f"{arrived.body_octets} of {len(wanted)} octets of the request's body arrived."


_RULES: tuple[Rule, ...] = (
    _crash,
    _leaks,
    _stopped,
    _not_fired,
    _forged,
    _attempts,
    _resources,
    _early,
    _capped,
    _posted_again,
    _other_body,
    _late,
    _reused,
)
