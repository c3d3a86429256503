"""The answer of a mock: which step of its sequence, whether its failure mode strikes, and the octets."""

from __future__ import annotations

from dataclasses import dataclass

from hamms_trio.recording.store import Store
from hamms_trio.wire.event_stream import EVENT_STREAM
from hamms_trio.workbench.chance import strikes
from hamms_trio.workbench.mocks import templates
from hamms_trio.workbench.mocks.model import Mock
from hamms_trio.workbench.routing.received import Pair, ReceivedRequest


@dataclass(frozen=True, slots=True)
class MockAnswer:
    """An answer that is ready to be sent.

    Attributes:
        fields: names and values; a value has one character for each octet (latin-1).
        delay: seconds before the answer, and between the events of a stream.
        fail: the failure mode that answers instead; "" for none.
    """

    status: int
    fields: tuple[Pair, ...]
    body: bytes
    delay: float = 0.0
    fail: str = ""

    @property
    def events(self) -> list[bytes] | None:
        """The events of a stream, which leave one at a time; None for an answer of another kind."""
        content_type = {name.lower(): value for name, value in self.fields}["content-type"]
        if not content_type.lower().startswith(EVENT_STREAM):
            return None
        text = self.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return [event + b"\n\n" for event in text.split(b"\n\n") if event.strip(b"\n")]


class MockAnswers:
    """The answers of all mocks of one workbench.

    Args:
        store: counts the requests of a mock whose answer depends on their number.
        seed: the seed of the shares of mocks that have none of their own.
    """

    def __init__(self, store: Store, *, seed: int) -> None:
        self._store = store
        self._seed = seed

    async def answer(self, mock: Mock, request: ReceivedRequest) -> MockAnswer:
        """Return the next answer of a mock to this request."""
        if is_constant(mock):
            return _answer(mock, request, mock.code, mock.headers, mock.body, mock.fail)
        index = await self._store.count(f"{counter_prefix(mock.id)}asked") - 1
        fail = mock.fail
        status, headers, body = mock.code, mock.headers, mock.body
        if mock.sequence:
            step = mock.sequence[min(index, len(mock.sequence) - 1)]
            fail = step.fail or fail
            status = mock.code if step.status is None else int(step.status)
            headers = {**mock.headers, **(step.headers or {})}
            body = mock.body if step.body is None else step.body
        seed = self._seed if mock.seed is None else mock.seed
        if not strikes(mock.share, seed, index):
            fail = ""
        return _answer(mock, request, status, headers, body, fail)

    async def start_afresh(self, id: str) -> None:
        """Reset the count of a mock's requests, so that its sequence restarts."""
        await self._store.reset_counters(counter_prefix(id))


def constant_answer(mock: Mock) -> MockAnswer:
    """Return the answer of a mock whose answer depends on no request at all."""
    nobody = ReceivedRequest(mock.method, mock.path_pattern)
    return _answer(mock, nobody, mock.code, mock.headers, mock.body, "")


def is_constant(mock: Mock) -> bool:
    """Return True if the answer does not depend on the requests that came before."""
    return not mock.sequence and (not mock.fail or mock.share == 1)


def counter_prefix(id: str) -> str:
    """Return the beginning of the names of a mock's counters."""
    return f"mock:{id}:"


def _answer(
    mock: Mock,
    request: ReceivedRequest,
    status: int,
    headers: dict[str, str],
    body: str,
    fail: str,
) -> MockAnswer:
    typed = any(name.lower() == "content-type" for name in headers)
    fields = headers if typed else {**headers, "Content-Type": mock.content_type}
    content_type = next(value for name, value in fields.items() if name.lower() == "content-type")
    filled = templates.fill_body(body, request, is_json="json" in content_type.lower())
    return MockAnswer(
        status,
        tuple(
            (name, _octets(templates.fill_field(value, request))) for name, value in fields.items()
        ),
        filled.encode(errors="replace"),
        mock.delay_ms / 1000,
        fail,
    )


def _octets(value: str) -> str:
    """Encode a field's value as UTF-8, and return one character for each octet."""
    return value.encode(errors="replace").decode("latin-1")
