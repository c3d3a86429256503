"""The connection beneath a peer, as the failure modes need it; `lab` carries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from hamms_trio.net.observer import Observer
from hamms_trio.net.record_layer import Agreed
from hamms_trio.recording.records import Meeting
from hamms_trio.wire import RequestHead


class ModeObserver(Observer, Protocol):
    """An observer of requests and failure modes as well (see `recording.recorder`)."""

    @property
    def name(self) -> str:
        """The name of the client's door or mode, for log lines."""

    @property
    def door(self) -> str:
        """The name of the door through which the client came."""

    @property
    def group(self) -> tuple[str, str]:
        """The door and the mode that the client has met there, whose clients share their turns."""

    def slept(self, seconds: float, /) -> None:
        """Note that real seconds passed on purpose."""

    def closed(self) -> None:
        """Note that the socket is closed, and the record is complete."""

    def head(self, head: RequestHead, /) -> None:
        """Note a request whose head is complete."""

    def body(self, data: bytes, /) -> None:
        """Note some of the last request's content."""

    def met(self, meeting: Meeting, /) -> None:
        """Note the failure mode that the client, or its last request, meets."""

    def note_nonce(self, nonce: str, /) -> None:
        """Note the nonce that was made for the last request, or for a client that sends none."""

    def note_keep_alive(self, keeps_alive: bool, /) -> None:
        """Note whether the client's kernel sends TCP keep-alives."""

    def note_hello(self, server_name: str | None, protocols: tuple[str, ...], /) -> None:
        """Note the host in a ClientHello's SNI, and the protocols that it offers by ALPN."""

    def note_handshake(self, agreed: Agreed, /) -> None:
        """Note that a handshake is complete; from now on, `sent` counts records, which nobody reads."""

    def note_handshake_failed(self, reason: str, /) -> None:
        """Note that a handshake has failed, for this reason."""

    @property
    def server_name(self) -> str | None:
        """The host in the ClientHello's SNI, or None."""

    def note_alert(self, code: int, /) -> None:
        """Note an alert that the client has sent."""

    def note_close_notify(self, has_come: bool, /) -> None:
        """Note that the client has sent close_notify, or has closed its side without."""

    def sent_content(self, data: bytes | memoryview, /) -> None:
        """Note content that was sent within TLS."""

    def struck(self, meeting: Meeting, /) -> None:
        """Note that the failure mode plays its fault."""

    def played(self) -> None:
        """Note that the failure mode is at its end."""


class PeerConnection(Protocol):
    """The octets and the clock of one accepted connection, and its observer.

    Each method that waits raises `PeerGone` when the client has reset the connection.
    """

    @property
    def observer(self) -> ModeObserver: ...

    def now(self) -> float:
        """Return the time on the clock of ``receive``'s deadline, in seconds."""

    def receive(self, deadline: float | None = None) -> Awaitable[bytes]:
        """Return received octets, or none once the client has closed its side.

        Raises:
            TimeoutError: nothing came before ``deadline``.
        """

    def drain(
        self, hear: Callable[[bytes], None], deadline: float | None = None
    ) -> Awaitable[None]:
        """Pass on received octets until the client has left, or until ``deadline``."""

    def wait_left(self, deadline: float | None = None) -> Awaitable[None]:
        """Wait until the client has closed its side, and read nothing meanwhile; or until ``deadline``.

        Where only reading shows that a client has left, some octets are read ahead.

        Raises:
            PeerGone: the client has closed its side.
        """

    def send(self, data: bytes | memoryview) -> Awaitable[None]:
        """Hand all of ``data`` to the kernel."""

    def send_urgent(self, octet: bytes) -> Awaitable[None]:
        """Hand one octet of urgent data to the kernel, beside the stream (RFC 6093)."""

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Let real seconds pass."""

    def client_keeps_alive(self) -> bool | None:
        """Return True if the client sends TCP keep-alives (RFC 9293 §3.8.4), None if that is unknown."""

    def pause(self) -> Awaitable[None]:
        """Let the other connections have their turn."""

    def give_back(self, octets: bytes) -> None:
        """Let the next ``receive`` return these octets, before any others."""

    def send_eof(self) -> Awaitable[None]:
        """Send FIN; octets may still be received."""

    def reset(self) -> None:
        """Send RST and close."""

    @property
    def is_lent(self) -> bool:
        """True if its earlier owner takes the connection back after an exchange."""

    def return_to_giver(self, octets: bytes) -> None:
        """Give the connection back once the mode has ended, with octets that are received but not used."""
