"""Errors of the operating system and of OpenSSL as failures of a load."""

from __future__ import annotations

import errno
import os
import ssl

from hamms_trio.load.counts.tally import Failure

LoadLoss = tuple[Failure, str]


def connect_failure(error: OSError) -> LoadLoss:
    """Name the reason why a connection could not be made."""
    refused = error.errno == errno.ECONNREFUSED
    return Failure.CONNECT_REFUSED if refused else Failure.CONNECT_FAILED, _words(error)


def tls_failure(error: Exception) -> LoadLoss:
    """Name the reason why a TLS handshake failed."""
    return Failure.TLS, _words(error)


def loss(error: Exception) -> LoadLoss:
    """Name the reason why an established connection was lost."""
    return Failure.RESET, _words(error)


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}; see --ca"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error)
