"""The duties of a client by the outcome that a mode calls for, and how it met them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from hamms_trio.check.client import Answer
from hamms_trio.check.grading.compare import Likeness, compare, compare_stream
from hamms_trio.check.grading.facts import Facts
from hamms_trio.check.verdicts import Finding
from hamms_trio.modes.families.head import LARGE_FIELD_BODY
from hamms_trio.modes.model.expectation import Level, Outcome

Grade = tuple[Finding, str]

_REDIRECTS_AWAY = ("redirect-to-file", "redirect-to-scheme")
_LARGE_FIELDS = ("head-size", "head-1m", "head-10m")
# No client has to decode what it did not ask for, or a pile of codings, as long as it does not call them content.
_MAY_STAY_CODED = ("coding-unknown", "coding-unasked", "coding-stacked")
# Nothing asked for a 304, and no server may give a 204 a length; the request after it is another matter.
_MAY_BE_REFUSED = ("status-204-body", "status-304-body")
_MAY_STAY_EMPTY = ("status-205-body",)  # a 205 has no content, whatever came (RFC 9110 §15.3.6)


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
    likeness, how = likeness_of(facts, -1)
    if not answer.octets and likeness is Likeness.PART and not _hands_over_refusal(facts, -1):
        return _bylikeness_of(answer, likeness, how)
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


BY_OUTCOME: dict[Outcome, Callable[[Facts], Grade]] = {
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
    likeness, how = likeness_of(facts, number)
    if likeness is Likeness.EXACT and answer.octets and _must_be_refused(facts):
        return Finding.INSECURE, f"Success with {how}, although the handshake must be refused."
    if likeness is Likeness.EXACT and answer.octets:
        return Finding.LENIENT, f"Success with {how}, although the message is faulty."
    if likeness is Likeness.EXACT:
        return Finding.TRUNCATED, "Success, although no octet was delivered."
    return _bylikeness_of(answer, likeness, how)


def _must_be_refused(facts: Facts) -> bool:
    return facts.mode.speaks_tls and facts.mode.client.level is Level.MUST


def _exact_owed(facts: Facts, number: int) -> Grade:
    answer = facts.answers[number]
    is_must = facts.mode.client.level is Level.MUST
    if not answer.ok and number == 0 and facts.slug in _MAY_BE_REFUSED:
        return _reported(answer)
    if not answer.ok:
        finding = Finding.REJECTED if is_must else Finding.STRICT
        return finding, f"The client reported an error: {_words(answer)}."
    likeness, how = likeness_of(facts, number)
    if likeness is Likeness.CODED and not is_must:
        return Finding.STRICT, f"The client delivered {how}."
    return _bylikeness_of(answer, likeness, how)


def _either_owed(facts: Facts, number: int) -> Grade:
    answer = facts.answers[number]
    if _signals(answer):
        return _reported(answer)
    likeness, how = likeness_of(facts, number)
    is_coded = likeness is Likeness.CODED and facts.slug in _MAY_STAY_CODED
    is_empty = not answer.octets and facts.slug in _MAY_STAY_EMPTY
    if is_coded or is_empty:
        return (
            Finding.OK,
            f"The client delivered {how}." if is_coded else "The client delivered no body.",
        )
    return _bylikeness_of(answer, likeness, how)


def _bylikeness_of(answer: Answer, likeness: Likeness, how: str) -> Grade:
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


def likeness_of(facts: Facts, number: int) -> tuple[Likeness, str]:
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
