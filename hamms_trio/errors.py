"""The exceptions of hamms_trio."""

from __future__ import annotations


def reason_of(error: Exception) -> str:
    """Return an error's reason for people: of an OSError without its number and its file."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


class HammsError(Exception):
    """The base class of all exceptions of hamms_trio."""


class CatalogueError(HammsError):
    """Failure modes can't be collected: a name is claimed twice, or a declaration is wrong."""


class UnknownMode(HammsError, LookupError):
    """No failure mode has this slug, or it is not being served."""


class PortUnavailable(HammsError, OSError):
    """A listener's port can't be bound; no port is left open."""


class TooFewDescriptors(PortUnavailable):
    """The limit of open descriptors leaves too few for the listeners."""


class PortKindUnavailable(PortUnavailable):
    """The system can't hold a port in the way that a failure mode needs."""


class PatchedProcess(HammsError, RuntimeError):
    """gevent or eventlet has replaced modules that the server needs as they are."""


class HubUnavailable(HammsError, ValueError):
    """No hub has this name, or the platform does not support it."""


class CertificateUnusable(HammsError, ValueError):
    """A certificate or key can't be read, written or used."""


class ClientUnusable(HammsError, ValueError):
    """The client under test can't be run, or fails against a healthy server."""


class CheckInterrupted(HammsError):
    """A check was interrupted before it had found anything."""


class TermsUnavailable(HammsError, ValueError):
    """This system's OpenSSL refuses a version, a cipher or a key that a failure mode needs."""


class TlsFailure(HammsError, OSError):
    """A TLS handshake or connection has failed; the message is OpenSSL's reason."""


class NotRunning(HammsError, RuntimeError):
    """The server has to be started first."""


class AlreadyRunning(HammsError, RuntimeError):
    """The server has to be stopped first."""


class PeerGone(HammsError):
    """The client left during an exchange; the host expects and records this."""


class TlsBroken(PeerGone):
    """TLS has failed, and our alert is sent; the connection beneath may still stand."""


class RequestError(HammsError):
    """The request is refused; ``status`` is the status code of the answer."""

    status = 400


class MalformedRequest(RequestError):
    """The request breaks the syntax of RFC 9112, or could be read in two ways."""


class SpeaksTls(RequestError):
    """The client speaks plain HTTP at a port for TLS."""


class RequestTimeout(RequestError):
    """The request's head or body did not arrive in time (RFC 9110 §15.5.9)."""

    status = 408


class NoSuchMode(RequestError):
    """The request's target names no failure mode (RFC 9110 §15.5.5)."""

    status = 404


class NoSuchResource(RequestError):
    """The control API has nothing at this path (RFC 9110 §15.5.5)."""

    status = 404


class NotOurs(RequestError):
    """The request is meant for another server, or comes from a page of another one (RFC 9110 §15.5.4)."""

    status = 403


class Forbidden(RequestError):
    """A web page of another origin may have sent the request (RFC 9110 §15.5.4)."""

    status = 403


class NeedsTls(RequestError):
    """The failure mode lies within TLS, and the request has come without it."""

    status = 409


class NeedsPort(RequestError):
    """The failure mode needs a port and can't be played through a shared door (RFC 9110 §15.5.10)."""

    status = 409


class MethodNotAllowed(RequestError):
    """The resource does not have this method (RFC 9110 §15.5.6)."""

    status = 405

    def __init__(self, detail: str, *, allow: str) -> None:
        super().__init__(detail)
        self.allow = allow


class ContentTooLarge(RequestError):
    """The request's body exceeds our limit (RFC 9110 §15.5.14)."""

    status = 413


class TargetTooLong(RequestError):
    """The request line exceeds our limit (RFC 9112 §3)."""

    status = 414


class NoRoom(RequestError):
    """The server is holding too many request bodies (RFC 9110 §15.6.4)."""

    status = 503


class UnsupportedMediaType(RequestError):
    """The request's body is in a format we do not read (RFC 9110 §15.5.16)."""

    status = 415


class HeadTooLarge(RequestError):
    """The request's head exceeds our limit (RFC 6585 §5)."""

    status = 431


class UnknownTransferCoding(RequestError):
    """The body's transfer coding is not one we decode (RFC 9112 §6.1)."""

    status = 501


class UnsupportedVersion(RequestError):
    """The request's major version is not 1 (RFC 9110 §15.6.6)."""

    status = 505


class ParameterError(RequestError):
    """A failure mode's parameter has the wrong type or is out of range."""


class ExpectationFailed(RequestError):
    """The request expects something other than 100-continue (RFC 9110 §10.1.1)."""

    status = 417


class UnknownMethod(RequestError):
    """No resource of the server has this method (RFC 9110 §15.6.2)."""

    status = 501


class ResponseError(HammsError):
    """A server's answer is not a valid response."""


class MalformedResponse(ResponseError):
    """The response breaks the syntax of RFC 9112, or could be read in two ways."""


class IncompleteResponse(ResponseError):
    """The connection ended within a response (RFC 9112 §8)."""


class LoadError(HammsError, ValueError):
    """A load plan is invalid."""


class StoreError(HammsError):
    """The store of the workbench can't do its work."""


class StateUnusable(StoreError, ValueError):
    """A state file is not one of ours, is newer than this program, or can't be opened."""


class StoreUnavailable(StoreError, OSError):
    """The store refused a read or a write: the disk is full, the file is locked, or it is closed."""
