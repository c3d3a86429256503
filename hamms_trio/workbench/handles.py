"""Handles of incidents and targets, for Python code."""

from __future__ import annotations

from hamms_trio.workbench.incidents import Incidents
from hamms_trio.workbench.incidents.running import RunningIncident
from hamms_trio.workbench.routing.documents import Document
from hamms_trio.workbench.targets import Targets


class Incident:
    """A started incident; it ends with the ``with`` block, or when its own time is over."""

    def __init__(self, incidents: Incidents, started: RunningIncident) -> None:
        self._incidents = incidents
        self._started = started

    @property
    def affected(self) -> int:
        """The number of requests that were struck."""
        return self._started.affected

    @property
    def is_active(self) -> bool:
        """True until the incident ends."""
        return self._started.is_active

    def state(self) -> Document:
        """Return the state, as the API shows it."""
        return self._started.document()

    def stop(self) -> None:
        """End the incident; do nothing if it is over."""
        self._incidents.stop_this(self._started)

    def __enter__(self) -> Incident:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()


class OpenTarget:
    """A target that was created; the end of an ``async with`` block deletes it.

    Attributes:
        id: names the target in ``/proxy/{id}/``, and in the steps of scenarios.
        document: the target as the API shows it.
    """

    def __init__(self, targets: Targets, document: Document, workbench_url: str) -> None:
        self.id = str(document["id"])
        self.document = document
        self._targets = targets
        self._url = workbench_url.rstrip("/")

    def url(self, path: str = "/") -> str:
        """Return the URL at which clients reach a path of the target through the workbench."""
        return f"{self._url}/proxy/{self.id}" + (path if path.startswith("/") else f"/{path}")

    async def delete(self) -> None:
        """Delete the target.

        Raises:
            Problem: the target was deleted already.
            StoreUnavailable: nothing was deleted.
        """
        await self._targets.delete(self.id)

    async def __aenter__(self) -> OpenTarget:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.delete()
