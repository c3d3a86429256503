"""The driver of modes that act on each HTTP/1 request whose head has arrived."""

from __future__ import annotations

from hamms_trio.errors import RequestError, RequestTimeout
from hamms_trio.modes.encounter import Choose, Encounter
from hamms_trio.modes.healthy import answer_healthily
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead


class Http1:
    """One encounter for each request; requests on one kept connection may meet different modes.

    A malformed request is refused, unless the mode that it would meet is lenient. A lent connection returns to its
    owner after one exchange, if it can carry another.
    """

    name = "http1"
    acts = "on each request"
    listens = True
    needs_port = None

    async def drive(self, peer: Peer, choose: Choose) -> None:
        http = peer.http
        while not peer.finished:
            request = None
            try:
                request = await http.receive_head()
                encounter = choose(request)
                http.base = encounter.base
                await play(peer, encounter, request)
            except RequestError as error:
                if request is not None or not await self._hand_over(peer, choose, error):
                    await http.refuse(error, request)
            if not http.is_ready():
                await http.end_exchange()
            if peer.connection.is_lent and not peer.finished:
                peer.connection.return_to_giver(http.take_unread())
                return

    async def _hand_over(self, peer: Peer, choose: Choose, problem: RequestError) -> bool:
        """Let a lenient mode act on a malformed request, and finish; return False if its mode is not lenient."""
        if isinstance(problem, RequestTimeout):
            return False
        http = peer.http
        try:
            request = http.peek_malformed()
            encounter = choose(request)
            if not encounter.lenient:
                return False
            http.take_malformed(request, problem)
            http.base = encounter.base
            await play(peer, encounter, request)
        except RequestError:
            return False
        await peer.finish()
        return True


async def play(peer: Peer, encounter: Encounter, request: RequestHead) -> None:
    """Let a request meet a failure mode, or a healthy answer if the mode does not strike."""
    if peer.meet(encounter, request):
        await encounter.act(peer, request, **encounter.arguments)
    else:
        await answer_healthily(peer, request)
    peer.note_played()


HTTP1 = Http1()
