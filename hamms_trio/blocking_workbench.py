"""The workbench for code that has no trio loop (see `hamms_trio.blocking`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any

from hamms_trio.loop_thread import LoopThread

if TYPE_CHECKING:
    from hamms_trio.workbench.handles import Incident, OpenTarget
    from hamms_trio.workbench.history.verify import VerificationResult
    from hamms_trio.workbench.scenarios import Report


class BlockingWorkbench:
    """The workbench (see `hamms_trio.workbench.Workbench`), for any thread.

    Attributes:
        port: the port that it listens on.
    """

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._workbench = loop.hamms.workbench
        self.port = self._workbench.port

    def url(self, path: str = "/") -> str:
        """Return the URL of one of its resources."""
        return self._workbench.url(path)

    def mock(self, path: str, **members: Any) -> dict[str, object]:
        """Create a mock (see `Workbench.mock`)."""
        return self._loop.run(partial(self._workbench.library.mock, path, **members))

    def delete_mock(self, id: str) -> None:
        """Delete a mock (see `Workbench.delete_mock`)."""
        self._loop.run(partial(self._workbench.library.delete_mock, id))

    def target(self, name: str, base_url: str, **members: object) -> BlockingTarget:
        """Create a target (see `Workbench.target`)."""
        create = partial(self._workbench.library.target, name, base_url, **members)
        return BlockingTarget(self._loop, self._loop.run(create))

    def incident(self, mode: str = "status_spike_503", **members: object) -> BlockingIncident:
        """Start an incident (see `Workbench.incident`)."""
        library = self._workbench.library
        return BlockingIncident(
            self._loop, self._loop.call(lambda: library.incident(mode, **members))
        )

    def run_scenario(
        self,
        scenario: Mapping[str, object] | str | PathLike[str],
        *,
        seed: int | None = None,
        variables: Mapping[str, object] | None = None,
        tags: Collection[str] = (),
    ) -> Report:
        """Run a scenario in the workbench, and return the report (see `Workbench.run_scenario`)."""
        run = self._workbench.library.run_scenario
        return self._loop.run(partial(run, scenario, seed=seed, variables=variables, tags=tags))

    def history(self, **filters: object) -> list[dict[str, object]]:
        """Return the answered requests that filters select (see `Workbench.history`)."""
        return self._loop.run(partial(self._workbench.library.history, **filters))

    def verify(
        self, method: str | None = None, path: str | None = None, **wanted: object
    ) -> VerificationResult:
        """Compare the history with what a test expects (see `Workbench.verify`)."""
        return self._loop.run(partial(self._workbench.library.verify, method, path, **wanted))

    def start_afresh(self) -> None:
        """Delete every mock, scenario, report and target, and the history; end the incident."""
        self._loop.run(self._workbench.library.start_afresh)


class BlockingTarget:
    """A target that was created (see `OpenTarget`), for any thread.

    Attributes:
        id: names the target in ``/proxy/{id}/``.
        document: the target as the API shows it.
    """

    def __init__(self, loop: LoopThread, target: OpenTarget) -> None:
        self.id = target.id
        self.document = target.document
        self._loop = loop
        self._target = target

    def url(self, path: str = "/") -> str:
        """Return the URL at which clients reach a path of the target through the workbench."""
        return self._target.url(path)

    def delete(self) -> None:
        """Delete the target (see `OpenTarget.delete`)."""
        self._loop.run(self._target.delete)

    def __enter__(self) -> BlockingTarget:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.delete()


class BlockingIncident:
    """An incident that was started (see `Incident`), for any thread."""

    def __init__(self, loop: LoopThread, incident: Incident) -> None:
        self._loop = loop
        self._incident = incident

    @property
    def affected(self) -> int:
        """The number of requests that were struck."""
        return self._loop.call(lambda: self._incident.affected)

    @property
    def is_active(self) -> bool:
        """True until the end."""
        return self._loop.call(lambda: self._incident.is_active)

    def state(self) -> dict[str, object]:
        """Return the state, as the API shows it."""
        return self._loop.call(self._incident.state)

    def stop(self) -> None:
        """End the incident; do nothing if it is over."""
        self._loop.call(self._incident.stop)

    def __enter__(self) -> BlockingIncident:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()
