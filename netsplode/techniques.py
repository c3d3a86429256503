"""Ways to reset a connection: one class each, which can say why it does not apply."""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from netsplode.errors import ConnectionNotFound, MissingCapability
from netsplode.kernel import tcp
from netsplode.kernel.diag import Diag, Entry
from netsplode.kernel.processes import holders
from netsplode.result import End
from netsplode.targets import Holder, Target, duplicate

if sys.platform == "linux":
    from netsplode.kernel import linux

# struct linger {on, seconds}: two ints on POSIX, two unsigned shorts in Winsock.
LINGER_ZERO = struct.pack("HH" if sys.platform == "win32" else "ii", 1, 0)
TRACING_HINT = "run as the user of that process or as root, or give this process CAP_SYS_PTRACE"
DESTROYING_HINT = (
    "run as root, give python CAP_NET_ADMIN (setcap), or run all of it in `unshare -rn`"
)


def reset_and_close(sock: socket.SocketType) -> None:
    """Reset a connected TCP socket that is the caller's own, and close it.

    The quick way, for servers that reset by the thousand: no checks, no account, no waiting, nothing
    but what `Abort` and `Close` do to a plain socket.
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    if sys.platform == "linux":
        with suppress(OSError):  # then the close resets it, unless a fork or a dup has it too
            linux.abort(sock)
    sock.close()


class Technique(Protocol):
    """One way. The order of `TECHNIQUES` is the one in which "auto" tries them."""

    name: str

    def obstacle(self, target: Target) -> str | None:
        """Why it can't be tried on this connection, or None."""

    def reset(self, target: Target) -> End:
        """Reset it, and tell what the local end has come to.

        Raises:
            MissingCapability: this process may not.
            ConnectionNotFound: it has gone meanwhile.
            OSError: the system refused.
        """


class Abort:
    """``connect(AF_UNSPEC)``, through a descriptor of ours or of the process that has it (Linux)."""

    name = "abort"

    def obstacle(self, target: Target) -> str | None:
        if sys.platform != "linux":
            return "it needs Linux"
        if target.sock is None and (target.entry is None or not target.entry.inode):
            return "no process holds the connection any more"
        return None

    def reset(self, target: Target) -> End:
        if target.sock is None:
            assert target.entry is not None  # see obstacle
            target.sock = borrowed(target.entry)
        quiet = linux.local_end_stays_quiet(target.sock)
        linux.abort(target.sock)
        return End.ABORTED if quiet else End.RESET


class Destroy:
    """Have the kernel destroy the socket (SOCK_DESTROY), by its cookie (Linux, CAP_NET_ADMIN)."""

    name = "destroy"

    def obstacle(self, target: Target) -> str | None:
        return None if sys.platform == "linux" else "it needs Linux"

    def reset(self, target: Target) -> End:
        with Diag() as diag:
            entry = target.entry or diag.get(target.local, target.remote)
            if entry is None or (
                target.sock is not None and tcp.cookie(target.sock) != entry.cookie
            ):
                raise ConnectionNotFound("the kernel doesn't list this connection")
            try:
                diag.destroy(entry)
            except FileNotFoundError as error:
                raise ConnectionNotFound("the connection has gone meanwhile") from error
            except PermissionError as error:
                raise MissingCapability(
                    "destroying sockets is not permitted", {"CAP_NET_ADMIN"}, DESTROYING_HINT
                ) from error
        return End.ABORTED


class Close:
    """SO_LINGER of zero seconds and close, the way its holder needs it. Works everywhere.

    The RST goes when the last descriptor is closed: one that was dup'ed or inherited by a fork keeps
    the connection open. asyncio closes in the next round of its loop.
    """

    name = "close"

    def obstacle(self, target: Target) -> str | None:
        if target.sock is None:
            return "another process holds the connection"
        if target.holder is Holder.OTHER:
            return "what holds the socket would not notice that it is closed"
        if target.holder is Holder.TRIO and not _on_trio_thread():
            return "trio's sockets can only be closed on trio's thread"
        if target.holder is Holder.ASYNCIO and _loop_of(target.owner) is None:
            return "the transport's loop is not known: call it on the loop's thread"
        return None

    def reset(self, target: Target) -> End:
        assert target.sock is not None  # see obstacle
        target.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        target.close()  # ours would keep the connection open
        owner: Any = target.owner
        if target.holder is Holder.DESCRIPTOR:
            os.close(owner)
        elif target.holder is Holder.ASYNCIO:
            _loop_of(owner).call_soon_threadsafe(owner.transport.abort)
            return End.UNCONFIRMED
        elif target.holder is Holder.TRIO:
            owner.close()
        else:
            socket.close(owner.detach())  # close() would wait for what makefile() has returned
        return End.CLOSED


# Further techniques take their place in this line by their strength.
TECHNIQUES: Sequence[Technique] = (Abort(), Destroy(), Close())


def borrowed(entry: Entry) -> socket.SocketType:
    """A descriptor of our own for the very socket of ``entry``, from a process that holds it.

    Raises:
        MissingCapability: no process that holds it may be looked into.
        ConnectionNotFound: none holds it any more.
    """
    refused: OSError | None = None
    for pid, descriptor in holders([entry.inode]).get(entry.inode, ()):
        try:
            sock = duplicate_of(linux.descriptor_of(pid, descriptor))
        except PermissionError as error:
            refused = error
            continue
        except OSError:  # the process or its descriptor has gone
            continue
        if tcp.cookie(sock) == entry.cookie:
            return sock
        sock.close()
    if refused is None and entry.uid in (os.geteuid(), *((entry.uid,) if not os.geteuid() else ())):
        raise ConnectionNotFound("no process holds the connection any more")
    raise MissingCapability(
        f"the process that holds it (of user {entry.uid}) may not be looked into",
        {"CAP_SYS_PTRACE"},
        TRACING_HINT,
    )


def duplicate_of(descriptor: int) -> socket.SocketType:
    """The socket of this descriptor, which is ours to close."""
    try:
        return duplicate(descriptor)
    except TypeError as error:
        raise OSError(errno.ENOTSOCK, str(error)) from error
    finally:
        os.close(descriptor)


def _on_trio_thread() -> bool:
    trio: Any = sys.modules["trio"]
    try:
        trio.lowlevel.current_trio_token()
    except RuntimeError:
        return False
    return True


def _loop_of(owner: Any) -> Any:
    """The loop of an asyncio transport; of uvloop's it is known on its own thread only."""
    asyncio: Any = sys.modules["asyncio"]
    loop = getattr(owner.transport, "_loop", None)
    if loop is not None:
        return loop
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
