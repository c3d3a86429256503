"""``python -m bench.peers.twisted_protocols hold|drip|close|reset``: bare Twisted protocols."""

from __future__ import annotations

import sys
from time import monotonic

from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

from bench.peers.listening import BACKLOG

INTERVAL = 1.0


class Hold(Protocol):  # type: ignore[misc]  # Twisted is untyped to us
    """A protocol that only reads."""

    def dataReceived(self, data: bytes) -> None:
        pass


class Drip(Protocol):  # type: ignore[misc]
    """A protocol that sends an octet each second after a request."""

    def dataReceived(self, data: bytes) -> None:
        self.due = monotonic() + INTERVAL
        self.timer = reactor.callLater(INTERVAL, self.fall)

    def fall(self) -> None:
        self.transport.write(b"x")
        self.due += INTERVAL
        self.timer = reactor.callLater(max(0.0, self.due - monotonic()), self.fall)

    def connectionLost(self, reason: object) -> None:
        self.timer.cancel()


class Close(Protocol):  # type: ignore[misc]
    """A protocol that closes at once."""

    def connectionMade(self) -> None:
        self.transport.loseConnection()


class Reset(Protocol):  # type: ignore[misc]
    """A protocol that resets after a request."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.abortConnection()


ROLES = {"hold": Hold, "drip": Drip, "close": Close, "reset": Reset}

if __name__ == "__main__":
    factory = Factory.forProtocol(ROLES[sys.argv[1]])
    factory.noisy = False
    port = reactor.listenTCP(0, factory, backlog=BACKLOG, interface="127.0.0.1")
    reactor.callWhenRunning(lambda: print(port.getHost().port, flush=True))
    reactor.run()
