"""The targets of a workbench: creation, changes and look-up; the store keeps them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from secrets import token_hex
from time import time
from urllib.parse import unquote

import msgspec
import trio

from hamms_trio.recording.store import Store
from hamms_trio.workbench.chance import strikes
from hamms_trio.workbench.routing.documents import Document, show
from hamms_trio.workbench.routing.problems import Problem, not_found
from hamms_trio.workbench.targets.failing import disabled, unknown_target
from hamms_trio.workbench.targets.model import Target, document_of, read_target
from hamms_trio.workbench.times import timestamp

logger = logging.getLogger(__name__)

KIND = "target"
MAX_TARGETS = 50  # the reference's


class Targets:
    """The targets of one workbench.

    Args:
        limit: the most targets.
        seed: the seed of the shares of targets that have none of their own.
        check_fail: raises ValueError for a failure mode that can't be an answer.
        on_change: called with the id of a target that was changed or deleted.
    """

    def __init__(
        self,
        store: Store,
        *,
        limit: int = MAX_TARGETS,
        seed: int,
        check_fail: Callable[[str], object],
        on_change: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._limit = limit
        self._seed = seed
        self._asked: Counter[str] = Counter()  # requests through /proxy/, by id
        self._check_fail = check_fail
        self._on_change = on_change
        # A change is checked and written before the next one is checked.
        self._changing = trio.Lock()
        self._targets: dict[str, Target] = {}
        self._by_name: dict[str, Target] = {}

    async def load(self) -> None:
        """Load the stored targets; skip one that can't be used, with a warning."""
        for id, octets in await self._store.records(KIND):
            try:
                given = msgspec.json.decode(octets, type=dict[str, object])
                self._targets[id] = read_target({**given, "id": id}, check_fail=self._check_fail)
            except (Problem, msgspec.DecodeError) as problem:
                logger.warning("skipped the stored target %s: %s", id, problem)
        self._index()

    def __len__(self) -> int:
        return len(self._targets)

    def documents(self) -> list[Document]:
        """Return every target, in the order of creation."""
        return [document_of(target) for target in self._targets.values()]

    def get(self, id: str) -> Document:
        """Return one target.

        Raises:
            Problem: 404.
        """
        return document_of(self._known(id))

    def usable(self, name: str) -> Target:
        """Return the target with this id, or this name in any case, if it is enabled.

        Raises:
            Problem: 404 or 409.
        """
        target = self._targets.get(name) or self._by_name.get(unquote(name).lower())
        if target is None:
            raise unknown_target()
        if not target.enabled:
            raise disabled(target.name)
        return target

    def next_failure(self, target: Target) -> str:
        """Count a request through /proxy/, and return the failure mode that answers it; "" if none does."""
        if not target.fail:
            return ""
        index = self._asked[target.id]
        self._asked[target.id] += 1
        seed = self._seed if target.seed is None else target.seed
        return target.fail if strikes(target.share, seed, index) else ""

    async def create(self, given: Document) -> Document:
        """Add a target.

        Raises:
            Problem: 400, 409 or 413.
            StoreUnavailable: nothing was added.
        """
        target = read_target(given, check_fail=self._check_fail)
        target.id = target.id or token_hex(4)
        target.created_at = target.updated_at = timestamp(int(time() * 1000))
        async with self._changing:
            if len(self._targets) >= self._limit:
                raise Problem(413, "target_limit", f"max targets reached: {self._limit}")
            if target.id in self._targets:
                raise _duplicate("id", target.id)
            self._refuse_duplicate(target)
            await self._keep(target)
        return document_of(target)

    async def update(self, id: str, given: Document) -> Document:
        """Change members of a target; its id and time of creation stay.

        Raises:
            Problem: 400, 404 or 409.
            StoreUnavailable: nothing was changed.
        """
        async with self._changing:
            known = self._known(id)
            merged = {**document_of(known), **given, "id": id}
            target = read_target(merged, check_fail=self._check_fail)
            self._refuse_duplicate(target)
            target.created_at = known.created_at
            target.updated_at = timestamp(int(time() * 1000))
            await self._keep(target)
        return document_of(target)

    async def delete(self, id: str) -> None:
        """Delete a target.

        Raises:
            Problem: 404.
            StoreUnavailable: nothing was deleted.
        """
        async with self._changing:
            self._known(id)
            await self._store.delete(KIND, id)
            del self._targets[id]
            self._index()
            self._changed(id)

    def _known(self, id: str) -> Target:
        if id not in self._targets:
            raise not_found("target")
        return self._targets[id]

    def _refuse_duplicate(self, target: Target) -> None:
        other = self._by_name.get(target.name.lower())
        if other is not None and other.id != target.id:
            raise _duplicate("name", target.name)

    async def _keep(self, target: Target) -> None:
        await self._store.put(KIND, target.id, msgspec.json.encode(target))
        self._targets[target.id] = target
        self._index()
        self._changed(target.id)

    def _changed(self, id: str) -> None:
        """Restart the series of failures, and close the connections."""
        del self._asked[id]
        self._on_change(id)

    def _index(self) -> None:
        self._by_name = {target.name.lower(): target for target in self._targets.values()}


def _duplicate(member: str, value: str) -> Problem:
    return Problem(409, "duplicate_target", f"target already exists: {member} {show(value)}")
