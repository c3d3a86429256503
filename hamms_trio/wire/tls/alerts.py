"""The codes of alerts (RFC 8446 §B.2 and the RFCs that it names), and their names in OpenSSL's reasons."""

from __future__ import annotations

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_cancelled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}
_CODES = {name.upper(): code for code, name in ALERTS.items()}
# The prefixes of OpenSSL's reasons for a received alert; some reasons leave ALERT out.
_BEGINNINGS = ("SSLV3_ALERT_", "TLSV1_ALERT_", "TLSV13_ALERT_", "TLSV1_")


def alert_of(reason: str) -> int | None:
    """Return the code of the alert that OpenSSL's reason names, or None for any other reason."""
    for beginning in _BEGINNINGS:
        if reason.startswith(beginning):
            return _CODES.get(reason.removeprefix(beginning))
    return None


def alert_name(code: int) -> str:
    """Return the name of an alert, or its code if it has none."""
    return ALERTS.get(code, str(code))
