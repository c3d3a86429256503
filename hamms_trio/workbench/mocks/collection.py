"""The mocks of a workbench: creation, changes and look-up; the store keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from secrets import token_hex
from time import time

import msgspec

from hamms_trio.errors import StoreUnavailable
from hamms_trio.recording.store import Store
from hamms_trio.workbench.mocks.matching import matches
from hamms_trio.workbench.mocks.model import Mock, document_of, read_mock
from hamms_trio.workbench.mocks.patterns import PathPattern
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.routing.problems import Problem, not_found
from hamms_trio.workbench.routing.received import ReceivedRequest
from hamms_trio.workbench.times import timestamp

KIND = "mock"


@dataclass(frozen=True, slots=True)
class MockLimits:
    """The size of the collection; the figures are the reference's."""

    mocks: int = 200
    body_octets: int = 262_144


class Candidates:
    """The mocks for one method and path, in the order in which they are tried."""

    __slots__ = ("_found",)

    def __init__(self, found: list[tuple[Mock, dict[str, str]]]) -> None:
        self._found = found

    def __bool__(self) -> bool:
        return bool(self._found)

    def choose(self, request: ReceivedRequest) -> Mock | None:
        """Return the mock that answers a request, whose parameters are set; None if no matcher agrees."""
        for mock, parameters in self._found:
            request.parameters = parameters
            if matches(mock, request):
                return mock
        return None

    @property
    def certain(self) -> Mock | None:
        """The mock that answers every request for the method and path; None if that depends on matchers."""
        mock, _ = self._found[0]
        return None if mock.has_matchers else mock


class Mocks:
    """The mocks of one workbench.

    Args:
        is_reserved: True for a path pattern that a route of the workbench answers.
        check_fail: raises ValueError for a failure mode that can't be an answer.
        on_change: called after each change.
    """

    def __init__(
        self,
        store: Store,
        *,
        limits: MockLimits | None = None,
        is_reserved: Callable[[str], bool],
        check_fail: Callable[[str], object],
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_change = on_change
        self._store = store
        self._limits = limits or MockLimits()
        self._is_reserved = is_reserved
        self._check_fail = check_fail
        self._mocks: dict[str, Mock] = {}
        self._changes = 0
        self._stored: dict[str, tuple[int, Mock]] = {}  # with the number of the change
        self._exact: dict[str, list[Mock]] = {}
        self._patterns: list[tuple[PathPattern, Mock]] = []

    async def load(self) -> None:
        """Read the mocks that the store has."""
        for id, octets in await self._store.records(KIND):
            self._mocks[id] = msgspec.json.decode(octets, type=Mock)
        self._stored = {id: (0, mock) for id, mock in self._mocks.items()}
        self._index()

    def __len__(self) -> int:
        return len(self._mocks)

    def documents(self) -> list[Document]:
        """Return every mock, in the order of creation."""
        return [document_of(mock) for mock in self._mocks.values()]

    def get(self, id: str) -> Document:
        """Return one mock.

        Raises:
            Problem: 404.
        """
        return document_of(self._known(id))

    async def create(self, given: Document) -> Document:
        """Add a mock.

        Raises:
            Problem: 400, 403, 409 or 413.
            StoreUnavailable: nothing was added.
        """
        mock = self.read(given)
        mock.id = mock.id or token_hex(5)
        mock.created_at = mock.updated_at = timestamp(int(time() * 1000))
        if len(self._mocks) >= self._limits.mocks:
            raise Problem(413, "mock_limit", f"max mock routes reached: {self._limits.mocks}")
        if mock.id in self._mocks:
            raise Problem(409, "duplicate_mock", f"mock id already exists: {mock.id}")
        self._refuse_duplicate(mock)
        await self._keep([mock])
        return document_of(mock)

    async def update(self, id: str, given: Document) -> Document:
        """Change members of a mock; its id and time of creation stay.

        Raises:
            Problem: 400, 403, 404 or 409.
            StoreUnavailable: nothing was changed.
        """
        known = self._known(id)
        mock = self.read({**document_of(known), **given, "id": id})
        self._refuse_duplicate(mock)
        mock.created_at = known.created_at
        mock.updated_at = timestamp(int(time() * 1000))
        await self._keep([mock])
        return document_of(mock)

    async def delete(self, id: str) -> None:
        """Delete a mock.

        Raises:
            Problem: 404.
            StoreUnavailable: nothing was deleted.
        """
        self._known(id)
        await self._change({id: None}, lambda: self._store.delete(KIND, id))

    def read(self, given: Document) -> Mock:
        """Build a mock from a document, without adding it.

        Raises:
            Problem: 400 or 403.
        """
        mock = read_mock(given, max_body=self._limits.body_octets, check_fail=self._check_fail)
        if self._is_reserved(mock.path_pattern):
            raise Problem(403, "invalid_mock", f"path_pattern is reserved: {mock.path_pattern}")
        return mock

    async def add_all(self, mocks: Collection[Mock]) -> int:
        """Add mocks that were imported, in place of those with the same id; all or none.

        Raises:
            Problem: 413, there are too many.
            StoreUnavailable: nothing was added.
        """
        now = timestamp(int(time() * 1000))
        for mock in mocks:
            mock.id = mock.id or token_hex(5)
            mock.created_at = mock.created_at or now
            mock.updated_at = mock.updated_at or now
        if len({*self._mocks, *(mock.id for mock in mocks)}) > self._limits.mocks:
            raise Problem(413, "mock_limit", f"max mock routes reached: {self._limits.mocks}")
        await self._keep(mocks)
        return len(mocks)

    def find(self, method: str, path: str) -> Candidates:
        """Return the mocks for a method and a path: by priority, exact paths before patterns, then by age."""
        method = "GET" if method == "HEAD" else method
        found: list[tuple[Mock, dict[str, str]]] = [
            (mock, {}) for mock in self._exact.get(path, ()) if mock.method == method
        ]
        for pattern, mock in self._patterns:
            if mock.method == method and (parameters := pattern.match(path)) is not None:
                found.append((mock, parameters))
        found.sort(key=lambda pair: -pair[0].priority)  # stable
        return Candidates(found)

    def methods(self, path: str) -> set[str]:
        """Return the methods that mocks take on a path."""
        found = {mock.method for mock in self._exact.get(path, ())}
        found |= {
            mock.method for pattern, mock in self._patterns if pattern.match(path) is not None
        }
        return found | {"HEAD"} if "GET" in found else found

    def _known(self, id: str) -> Mock:
        if id not in self._mocks:
            raise not_found("mock")
        return self._mocks[id]

    def _refuse_duplicate(self, mock: Mock) -> None:
        for other in self._mocks.values():
            if other.id != mock.id and other.claim == mock.claim:
                raise Problem(
                    409,
                    "duplicate_mock",
                    f"method/path already exists: {mock.method} {mock.path_pattern} is mock {other.id}; "
                    "another one needs other matchers or another priority",
                )

    async def _keep(self, mocks: Collection[Mock]) -> None:
        rows = [(mock.id, msgspec.json.encode(mock)) for mock in mocks]
        changes: dict[str, Mock | None] = {mock.id: mock for mock in mocks}
        await self._change(changes, lambda: self._store.put_all(KIND, rows))

    async def _change(
        self, changes: Mapping[str, Mock | None], write: Callable[[], Awaitable[None]]
    ) -> None:
        """Apply changes, and roll them back if the store refuses them; None deletes.

        Changes apply before the store has them, so that the next change can be checked against them without
        waiting. A roll-back skips the mocks that another change has replaced since.
        """
        self._changes = number = self._changes + 1
        self._set(changes)
        try:
            await write()
        except StoreUnavailable:
            mine = (id for id, mock in changes.items() if self._mocks.get(id) is mock)
            self._set({id: self._stored[id][1] if id in self._stored else None for id in mine})
            raise
        for id, mock in changes.items():
            if mock is None:
                self._stored.pop(id, None)
            elif id not in self._stored or self._stored[id][0] < number:
                self._stored[id] = number, mock

    def _set(self, changes: Mapping[str, Mock | None]) -> None:
        for id, mock in changes.items():
            if mock is None:
                self._mocks.pop(id, None)
            else:
                self._mocks[id] = mock
        self._index()

    def _index(self) -> None:
        exact: dict[str, list[Mock]] = {}
        patterns: list[tuple[PathPattern, Mock]] = []
        for mock in self._mocks.values():
            pattern = PathPattern(mock.path_pattern)
            if pattern.exact is None:
                patterns.append((pattern, mock))
            else:
                exact.setdefault(pattern.exact, []).append(mock)
        self._exact, self._patterns = exact, patterns
        self._on_change()
