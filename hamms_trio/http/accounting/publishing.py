"""The exchanges of a well-behaved server as events on the bus, while somebody subscribes."""

from __future__ import annotations

from collections.abc import Callable

from hamms_trio.http.accounting.account import UnloggedAnswer
from hamms_trio.recording.recorder import Recording

WELL_BEHAVED = "workbench"  # the name of the door in events


class ExchangePublisher:
    """Publishes batches of answers.

    A connection that is older than the first subscriber is opened with its next answer.

    Args:
        settle: publishes the answers that wait for their batch.
    """

    def __init__(self, recording: Recording, settle: Callable[[], None]) -> None:
        self._recording = recording
        self._settle = settle

    def write(self, entries: list[UnloggedAnswer]) -> None:
        """Publish a batch of answers."""
        publisher = self._recording.bus.publisher
        if publisher is None:
            return
        from hamms_trio.events import Answered

        for begun, ended, match, status, octets_in, octets_out, client, _, request_id in entries:
            if client.watch is None:
                client.watch = self._recording.watch(WELL_BEHAVED, client.client, self._settle)
            head = match.head
            is_whole = head.octets.endswith(b"\r\n\r\n")
            publisher.answered(
                Answered(
                    connection=client.watch.number if client.watch is not None else 0,
                    at=ended,
                    door=WELL_BEHAVED,
                    method=head.method,
                    target=head.target,
                    fields=head.fields if is_whole else (),
                    status=status,
                    octets_received=octets_in,
                    octets_sent=octets_out,
                    seconds=ended - begun,
                    request_id=request_id.decode(),
                )
            )
