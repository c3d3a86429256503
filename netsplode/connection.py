"""A TCP connection of this host, as the kernel lists it, with a process that holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from netsplode.kernel.diag import Entry
from netsplode.kernel.namespaces import Network
from netsplode.kernel.processes import command_of
from netsplode.result import Address, format_address


@dataclass(frozen=True, slots=True)
class Connection:
    """One end of a TCP connection on this host; ``local`` is that end.

    ``pid`` is a process that holds the connection. None means that no process does, or that this one may
    not look into it.
    """

    local: Address
    remote: Address
    state: str
    uid: int
    pid: int | None = None
    command: str = ""
    entry: Entry | None = field(default=None, repr=False, compare=False)
    network: Network | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        holder = f", process {self.pid} ({self.command})" if self.pid is not None else ""
        return (
            f"{format_address(self.local)} -> {format_address(self.remote)} ({self.state}{holder})"
        )


def connection_of(
    entry: Entry, owners: dict[int, list[tuple[int, int]]], network: Network | None = None
) -> Connection:
    """Make a connection of an entry; ``owners`` maps inodes to the pairs that `holders` returns."""
    pid = next((pid for pid, _ in owners.get(entry.inode, ())), None)
    return Connection(
        local=entry.local,
        remote=entry.remote,
        state=entry.state.name.lower(),
        uid=entry.uid,
        pid=pid,
        command="" if pid is None else command_of(pid),
        entry=entry,
        network=network,
    )
