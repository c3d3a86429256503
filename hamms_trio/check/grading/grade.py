"""Grades: the first rule that finds a fault decides, the worst ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from hamms_trio.check.client import Answer, Stopped
from hamms_trio.check.grading.compare import Likeness, compare, compare_stream
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.grading.fields import misdelivered_field
from hamms_trio.check.plan.arguments import NEVER_SILENT
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes.families.head import LARGE_FIELD_BODY
from hamms_trio.modes.model.expectation import MOST_ATTEMPTS, Level, Outcome, Reuse

MORE_MEMORY = 64 * 1024 * 1024  # octets beyond the control run
MOST_HOPS = 100
TOLERANCE = 0.05  # seconds by which clocks may disagree

Grade = tuple[Finding, str]
Rule = Callable[[Facts], Grade | None]
# The fields that belong to one origin, among those that the client was given (RFC 9110 §15.4).
STANDARD_SECRETS = ("authorization", "cookie", "proxy-authorization")
_REDIRECTS_AWAY = ("redirect-to-file", "redirect-to-scheme")
_LARGE_FIELDS = ("head-size", "head-1m", "head-10m")
_TO_OTHER_ORIGINS = ("redirect-cross-origin-auth", "redirect-downgrade")
# No client has to decode what it did not ask for, or a pile of codings, as long as it does not call them content.
_MAY_STAY_CODED = ("coding-unknown", "coding-unasked", "coding-stacked")
_MAY_STAY_EMPTY = ("status-205-body",)  # a 205 has no content, whatever came (RFC 9110 §15.3.6)


def grade(facts: Facts) -> Grade:
    """Return the finding on a client, and its evidence."""
    for rule in _RULES:
        if (found := rule(facts)) is not None:
            return found
    finding, evidence = _BY_OUTCOME[facts.mode.client.outcome](facts)
    if finding is Finding.OK and facts.answers[-1].ok:
        fault = misdelivered_field(facts.slug, facts.answers[-1])
        return (Finding.LENIENT, f"{evidence} {fault}") if fault else (finding, evidence)
    return finding, evidence


def is_accepted(facts: Facts) -> bool:
    """Return True if the client delivered the whole body of a control."""
    answers = facts.answers
    return bool(answers) and answers[-1].ok and _likeness(facts, -1)[0] is Likeness.EXACT


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
        if answer.ok and _likeness(facts, number - 1)[0] is Likeness.FORGED:
            return Finding.INJECTED, f"The answer to request {number} holds a forged response."
    return None


def _leaks(facts: Facts) -> Grade | None:
    if facts.file and any(facts.file in answer.body for answer in facts.answers):
        return Finding.LEAK, "The client delivered the content of a file of its own machine."
    for request in facts.elsewhere if facts.slug in _TO_OTHER_ORIGINS else ():
        fields = {name.lower() for name, _ in request.fields}
        if found := [name for name in STANDARD_SECRETS if name in fields]:
            return Finding.LEAK, f"The other origin received {', '.join(found)}."
    for request in (*facts.requests[1:], *facts.elsewhere):
        for name in ("foreign", "leak"):
            if facts.mode.family == "cookie" and f"{name}=" in (request.head.get("cookie") or ""):
                return Finding.LEAK, f"The cookie {name!r} came back where it must not."
    return None


def _attempts(facts: Facts) -> Grade | None:
    for method, most in facts.mode.client.attempts.items():
        asked = sum(call.method == method for call in facts.calls)
        sent = facts.attempts_by(method)
        if asked and sent > most + asked - 1:
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
    is_about_time = (
        facts.mode.client.outcome is Outcome.TIMEOUT
    )  # a body without end fills memory with time
    if visit.rss is None or facts.control_rss is None or is_about_time:
        return None
    more = visit.rss - max(facts.control_rss, visit.rss_before or 0)
    if more <= MORE_MEMORY:
        return None
    return Finding.RESOURCES, f"{more >> 20} MiB more memory than against a healthy server."


def _capped(facts: Facts) -> Grade | None:
    if not facts.is_capped:
        return None
    again = f", after {facts.attempts} attempts" if facts.attempts > 1 else ""
    if facts.slug in NEVER_SILENT:
        again += ", while octets kept coming"
    is_owed = facts.mode.client.outcome is Outcome.EXACT or facts.is_abandoned
    if facts.has_timeout or is_owed:
        return Finding.HANG, f"The client still waited when it was stopped{again}."
    return (
        Finding.NO_TIMEOUT,
        f"Without a timeout the client still waited when it was stopped{again}.",
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


# By outcome


def _must_error(facts: Facts) -> Grade:
    return _worst(_error_owed(facts, number) for number in _judged(facts))


def _must_be_exact(facts: Facts) -> Grade:
    return _worst(_exact_owed(facts, number) for number in range(len(facts.answers)))


def _either(facts: Facts) -> Grade:
    return _worst(_either_owed(facts, number) for number in range(len(facts.answers)))


def _must_time_out(facts: Facts) -> Grade:
    answer = facts.answers[-1]
    if answer.ok and facts.mode.client.level is Level.QUALITY:
        return _either(facts)
    finding, evidence = _must_error(facts)
    again = f" It took {facts.attempts} attempts." if facts.attempts > 1 else ""
    return finding, evidence + again


def _must_stay_bounded(facts: Facts) -> Grade:
    answer = facts.answers[-1]
    if _signals(answer):
        return _reported(answer)
    likeness, how = _likeness(facts, -1)
    if not answer.octets and likeness is Likeness.PART and not _hands_over_refusal(facts, -1):
        return _by_likeness(answer, likeness, how)
    return Finding.OK, f"Success within the limits: {how}."


def _may_retry(facts: Facts) -> Grade:
    answer = facts.answers[-1]
    again = facts.attempts - len(facts.calls)
    if _signals(answer) or _hands_over_refusal(facts, -1):
        if again <= 0:
            return (
                Finding.NO_RETRY,
                f"The client reported the failure and did not try again: {_words(answer)}.",
            )
        return Finding.OK, f"The client gave up after {facts.attempts} attempts: {_words(answer)}."
    finding, evidence = _either_owed(facts, len(facts.answers) - 1)
    return finding, f"{evidence} It took {facts.attempts} attempts."


def _policy(facts: Facts) -> Grade:
    answer = facts.answers[-1] if facts.answers else None
    if answer is None:
        return Finding.POLICY, "The client did not answer."
    if not answer.ok:
        return Finding.POLICY, f"The client reported an error: {_words(answer)}."
    status = f"status {answer.status}, " if answer.status else ""
    return (
        Finding.POLICY,
        f"The client delivered {status}{answer.octets} octets, in {facts.attempts} request(s).",
    )


_BY_OUTCOME: dict[Outcome, Callable[[Facts], Grade]] = {
    Outcome.ERROR: _must_error,
    Outcome.EXACT: _must_be_exact,
    Outcome.ERROR_OR_EXACT: _either,
    Outcome.TIMEOUT: _must_time_out,
    Outcome.BOUNDED: _must_stay_bounded,
    Outcome.RETRY: _may_retry,
    Outcome.POLICY: _policy,
}


def _judged(facts: Facts) -> range:
    """Return the numbers of the answers that meet the fault: the last one."""
    return range(len(facts.answers) - 1, len(facts.answers))


def _error_owed(facts: Facts, number: int) -> Grade:
    answer = facts.answers[number]
    if _signals(answer) or _hands_over_refusal(facts, number):
        return _reported(answer)
    if facts.slug in _REDIRECTS_AWAY and not answer.octets:
        return Finding.OK, "The client did not follow the redirect."
    likeness, how = _likeness(facts, number)
    if likeness is Likeness.EXACT and answer.octets and _must_be_refused(facts):
        return Finding.INSECURE, f"Success with {how}, although the handshake must be refused."
    if likeness is Likeness.EXACT and answer.octets:
        return Finding.LENIENT, f"Success with {how}, although the message is faulty."
    if likeness is Likeness.EXACT:
        return Finding.TRUNCATED, "Success, although no octet was delivered."
    return _by_likeness(answer, likeness, how)


def _must_be_refused(facts: Facts) -> bool:
    return facts.mode.speaks_tls and facts.mode.client.level is Level.MUST


def _exact_owed(facts: Facts, number: int) -> Grade:
    answer = facts.answers[number]
    is_must = facts.mode.client.level is Level.MUST
    if not answer.ok:
        finding = Finding.REJECTED if is_must else Finding.STRICT
        return finding, f"The client reported an error: {_words(answer)}."
    likeness, how = _likeness(facts, number)
    if likeness is Likeness.CODED and not is_must:
        return Finding.STRICT, f"The client delivered {how}."
    return _by_likeness(answer, likeness, how)


def _either_owed(facts: Facts, number: int) -> Grade:
    answer = facts.answers[number]
    if _signals(answer):
        return _reported(answer)
    likeness, how = _likeness(facts, number)
    is_coded = likeness is Likeness.CODED and facts.slug in _MAY_STAY_CODED
    is_empty = not answer.octets and facts.slug in _MAY_STAY_EMPTY
    if is_coded or is_empty:
        return (
            Finding.OK,
            f"The client delivered {how}." if is_coded else "The client delivered no body.",
        )
    return _by_likeness(answer, likeness, how)


def _by_likeness(answer: Answer, likeness: Likeness, how: str) -> Grade:
    if likeness is Likeness.EXACT:
        return Finding.OK, f"The client delivered {how}."
    finding = Finding.TRUNCATED if likeness is Likeness.PART else Finding.CORRUPT
    if answer.status is not None and not 200 <= answer.status < 300:
        return finding, f"The client took status {answer.status} for the answer: {how}."
    link = ", although" if likeness is Likeness.PART else " with"
    return finding, f"Success{link} {how}."


def _reported(answer: Answer) -> Grade:
    if answer.is_foreign:
        return Finding.FOREIGN_ERROR, f"The error is not the library's own: {_words(answer)}."
    return Finding.OK, f"The client reported an error: {_words(answer)}."


def _signals(answer: Answer) -> bool:
    """Return True if the client reports to its user that the call failed or was no success."""
    status = answer.status
    if not answer.ok or status in (101, 206):
        return True
    # An interim response is no answer, so that a client that delivers one has noticed nothing.
    return status is not None and not 100 <= status < 300


def _hands_over_refusal(facts: Facts, number: int) -> bool:
    """Return True if the client delivered a whole response that is itself no success, such as a 503."""
    sent = facts.sent_to(number)
    is_refusal = sent.status is not None and sent.status >= 300
    return (
        is_refusal
        and sent.body is not None
        and facts.answers[number].body == sent.body
        and bool(sent.body)
    )


def _likeness(facts: Facts, number: int) -> tuple[Likeness, str]:
    sent = facts.sent_to(number)
    if facts.is_stream:
        is_as_sent = facts.slug in ("sse-multiline", "sse-204") and not facts.shape
        return compare_stream(facts.answers[number], facts.nonce, sent.body if is_as_sent else None)
    if facts.slug in _LARGE_FIELDS:  # the ledger keeps no such head whole
        sent = replace(sent, body=LARGE_FIELD_BODY, coded=LARGE_FIELD_BODY)
    return compare(facts.answers[number], sent, facts.nonce)


def _words(answer: Answer) -> str:
    text = " ".join(answer.error.split())
    return text[:200] or f"status {answer.status}"


def _worst(grades: Iterator[Grade]) -> Grade:
    return max(
        grades, key=lambda each: each[0].rank, default=(Finding.CRASH, "The client gave no answer.")
    )
