"""Fields that no recipient may deliver as they came; only clients that report fields can be judged by them."""

from __future__ import annotations

from hamms_trio.check.client import Answer

# The octets that must not be left in the value of the field X-A, and words for them.
_LEFT_IN = {
    "head-nul-value": ("\0", "its NUL"),  # RFC 9110 §5.5
    "head-bare-cr": ("\r", "its CR"),  # RFC 9112 §2.2
    "head-obs-fold": ("\r\n", "its line end"),  # RFC 9112 §5.2
}
_FIELD = "x-a"
_CUT = "a"  # the value before the first of these octets
_TRAILER = {"content-length": "5"}  # of the mode chunk-trailer-forbidden (RFC 9110 §6.5.1)


def misdelivered_field(slug: str, answer: Answer) -> str | None:
    """Return a sentence about a field that was not delivered as it must be, or None."""
    fields = {name.lower(): value for name, value in answer.headers.items()}
    if slug == "chunk-trailer-forbidden" and _TRAILER.items() <= fields.items():
        return "The trailer field Content-Length became a header field."
    octets, words = _LEFT_IN.get(slug, ("", ""))
    value = fields.get(_FIELD, "")
    if any(octet in value for octet in octets):
        return f"The value of the field X-A was delivered with {words}."
    return f"The value of the field X-A was cut at {words}." if octets and value == _CUT else None
