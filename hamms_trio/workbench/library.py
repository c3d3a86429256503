"""A running workbench, for Python code on the same trio loop."""

from __future__ import annotations

import json
import os
import time
import weakref
from collections import deque
from collections.abc import Collection, Mapping

import msgspec
import trio

from hamms_trio.http.serving.running import RunningServer
from hamms_trio.workbench.bench import Bench
from hamms_trio.workbench.handles import Incident, OpenTarget
from hamms_trio.workbench.history import page_query
from hamms_trio.workbench.history.verify import VerificationResult, read_verification, verify
from hamms_trio.workbench.live.events import Gap, LogSubscription
from hamms_trio.workbench.live.selection import Selection
from hamms_trio.workbench.routing.documents import Document, read_object
from hamms_trio.workbench.scenarios import Report


class VerificationFailed(AssertionError):
    """The requests that came are not those that were expected.

    Attributes:
        verdict: with the nearest request.
    """

    def __init__(self, verdict: VerificationResult) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class LiveEvents:
    """The events of a workbench: ``async for event in events``.

    While this object exists, and until `aclose`, the workbench also publishes the events of connections.
    """

    def __init__(self, bench: Bench, selection: Selection, since_id: int | None) -> None:
        self._subscription = LogSubscription(bench.events, since_id, selection)
        self._waiting: deque[Document] = deque()
        self._watch = bench.feed.watched(selection)
        self._watch.__enter__()
        self._end = weakref.finalize(self, self._watch.__exit__, None, None, None)

    async def aclose(self) -> None:
        """Stop watching connections."""
        self._end()

    def __aiter__(self) -> LiveEvents:
        return self

    async def __anext__(self) -> Document:
        while not self._waiting:
            gap, events = await self._subscription.receive()
            if gap is not None:
                self._waiting.append(_gap_document(gap))
            self._waiting += [
                msgspec.json.decode(event.document, type=dict[str, object]) for event in events
            ]
        return self._waiting.popleft()


class Workbench(RunningServer):
    """A running workbench.

    Attributes:
        bench: its rules and records.
    """

    def __init__(self, running: RunningServer, bench: Bench) -> None:
        super().__init__(
            running.host, running.port, running._server, running._stopped, running._certificate
        )
        self.companions = running.companions
        self.bench = bench

    async def mock(
        self,
        path: str,
        *,
        method: str = "GET",
        status: int = 200,
        json: object = None,
        **members: object,
    ) -> Document:
        """Create a mock, and return its document.

        Args:
            path: exact, or a pattern such as ``/users/{id}``.
            json: the body as a JSON value, instead of ``body``.
            members: further members of the document, such as ``sequence`` or ``delay_ms``.

        Raises:
            Problem: the document is refused, with the field and the value in the message.
            StoreUnavailable: the store refused the write.
        """
        given: Document = {"method": method, "path_pattern": path, "status": status, **members}
        if json is not None:
            given["body"] = _dumped(json)
        return await self.bench.mocks.create(given)

    async def delete_mock(self, id: str) -> None:
        """Delete a mock.

        Raises:
            Problem: there is no such mock.
        """
        await self.bench.mocks.delete(id)
        await self.bench.answers.start_afresh(id)

    async def run_scenario(
        self,
        scenario: Mapping[str, object] | str | os.PathLike[str],
        *,
        seed: int | None = None,
        variables: Mapping[str, object] | None = None,
        tags: Collection[str] = (),
    ) -> Report:
        """Run a scenario in the workbench, and return the report whether it passes or fails.

        Args:
            scenario: a document, the path of a file with one, or the id of a stored scenario.
            seed: the seed of chaos; the workbench's own by default.
            variables: values that override the scenario's.
            tags: only steps with one of these tags run.

        Raises:
            Problem: the scenario or a variable is refused.
            OSError: the file can't be read.
            StoreUnavailable: the store refused the report.
        """
        bench = self.bench
        if isinstance(scenario, str) and scenario in bench.scenarios:
            chosen = bench.scenarios.get(scenario)
        elif isinstance(scenario, Mapping):
            chosen, _ = bench.scenarios.read(dict(scenario))
        else:
            octets = await trio.Path(scenario).read_bytes()
            chosen, _ = bench.scenarios.read(read_object(octets))
        report = await bench.runner.run(chosen, seed=seed, variables=variables, tags=tags)
        await bench.reports.keep(report)
        return report

    async def target(self, name: str, base_url: str, **members: object) -> OpenTarget:
        """Create a target; clients reach it at its ``url(path)``.

        Args:
            members: further members of the document, such as ``timeout_ms`` or ``fail``.

        Raises:
            Problem: the document is refused, with the field and the value in the message.
            StoreUnavailable: the store refused the write.
        """
        document = await self.bench.targets.create({"name": name, "base_url": base_url, **members})
        return OpenTarget(self.bench.targets, document, self.url)

    def incident(self, mode: str = "status_spike_503", **members: object) -> Incident:
        """Start an incident; it replaces a running one.

        Args:
            mode: ``status_spike_503``, ``fixed_latency``, ``body_drop``, or the slug of a failure mode.
            members: further members of the document, such as ``probability``, ``seed`` or ``ttl``.

        Raises:
            Problem: the document is refused, with the field and the value in the message.
        """
        started = self.bench.incidents.start({"mode": mode, **members})
        return Incident(self.bench.incidents, started)

    async def history(self, **filters: object) -> list[Document]:
        """Return the answered requests that filters such as ``path`` select, the oldest first.

        Raises:
            Problem: a filter is unknown, or its value can't be used.
        """
        self.bench.service.account.settle()
        query = page_query({name: str(value) for name, value in filters.items()})
        documents, _ = await self.bench.history.page(query)
        return [msgspec.json.decode(octets, type=dict[str, object]) for octets in documents]

    async def clear_history(self) -> None:
        """Delete every answered request."""
        self.bench.service.account.settle()
        await self.bench.store.clear_history()

    async def start_afresh(self) -> None:
        """Delete every mock, scenario, report and target, and the history; end the incident."""
        for scenario in self.bench.scenarios.documents():
            await self.bench.scenarios.delete(str(scenario["id"]))
        await self.bench.reports.clear()
        self.bench.incidents.stop()
        for target in self.bench.targets.documents():
            await self.bench.targets.delete(str(target["id"]))
        for document in self.bench.mocks.documents():
            await self.delete_mock(str(document["id"]))
        await self.clear_history()

    async def verify(
        self, method: str | None = None, path: str | None = None, **wanted: object
    ) -> VerificationResult:
        """Check that the expected requests came: by default at least one.

        Args:
            wanted: ``query``, ``headers``, ``body_contains``, ``times``, ``at_least``, ``at_most``,
                ``within_seconds``, ``in_order``.

        Raises:
            VerificationFailed: the message shows the nearest request.
            Problem: an argument is unknown, or its value can't be used.
        """
        given = {"method": method, "path": path, **wanted}
        verification = read_verification({n: v for n, v in given.items() if v is not None})
        self.bench.service.account.settle()
        now_ms = int(time.time() * 1000)
        verdict = await verify(self.bench.history, verification, now_ms=now_ms)
        if not verdict.verified:
            raise VerificationFailed(verdict)
        return verdict

    def events(self, *topics: str, since_id: int | None = None) -> LiveEvents:
        """Return the events as they happen; a gap comes as an event of the type ``stream.gap``."""
        return LiveEvents(self.bench, Selection(topics), since_id)


def _dumped(value: object) -> str:
    return json.dumps(value)


def _gap_document(gap: Gap) -> Document:
    return {"type": "stream.gap", "payload": msgspec.structs.asdict(gap)}
