"""The members of a scenario."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta

from hamms_trio.workbench.chance import ChaosSeed
from hamms_trio.workbench.routing.documents import SENT_METHODS, Document, method_pattern

CHAOS = ("none", "status_flip", "drop_body", "fixed_error")  # beside the failure modes
MAX_DELAY_MS = 50_000
MAX_STEP_TIMEOUT_MS = 50_000
TIMEOUT_MS = 5_000  # the reference's, for targets
MAX_ATTEMPTS = 20
MAX_TEXT = 4_096  # characters of names and descriptions
MAX_TAGS = 20

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

BoundedText = Annotated[str, Meta(max_length=MAX_TEXT)]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(max_length=MAX_TAGS)]
DelayMs = Annotated[int, Meta(ge=0, le=MAX_DELAY_MS)]
Variables = dict[str, object]


class Chaos(msgspec.Struct):
    """A fault that strikes the step's answer.

    Attributes:
        mode: one of `CHAOS`, or a failure mode: a slug, or a slug with a query.
    """

    enabled: bool = False
    mode: str = "none"
    probability: Annotated[float, Meta(ge=0, le=1)] = 0.0
    seed_offset: ChaosSeed = 0


class ExpectBase(msgspec.Struct, kw_only=True):
    """The assertions whose form is the same in every document.

    Attributes:
        json: values by the JMESPath expression that finds them in the content.
    """

    body_contains: list[str] = []
    header_equals: dict[str, str] = {}
    max_latency_ms: Annotated[float, Meta(ge=0)] | None = None
    json: dict[str, object] = {}


class Expect(ExpectBase, kw_only=True):
    """The assertions about an answer."""

    status: list[int] = msgspec.field(default_factory=lambda: [200])

    @property
    def count(self) -> int:
        """The number of assertions."""
        texts = len(self.body_contains) + len(self.header_equals) + len(self.json)
        return 1 + texts + (self.max_latency_ms is not None)


class Extract(msgspec.Struct, rename={"source": "from"}):
    """The place in an answer from which a variable gets its value.

    Attributes:
        source: ``json``, ``header`` or ``status``.
        path: a JMESPath expression, or the name of a field.
    """

    source: Annotated[str, Meta(extra_json_schema={"enum": ["json", "header", "status"]})] = "json"
    path: str = ""


class Retry(msgspec.Struct):
    """The attempts of a step until its assertions pass.

    Attributes:
        attempts: the most attempts.
        delay_ms: the delay before the second attempt.
        factor: by which each further delay grows.
    """

    attempts: Annotated[int, Meta(ge=1, le=MAX_ATTEMPTS)] = 1
    delay_ms: DelayMs = 0
    factor: Annotated[float, Meta(ge=1, le=10)] = 1.0


class StepBase(msgspec.Struct, kw_only=True):
    """The members of a step whose form is the same in every document.

    Attributes:
        timeout_ms: the time until the answer has to be complete.
    """

    id: BoundedText = ""
    name: BoundedText = ""
    method: Annotated[str, Meta(extra_json_schema={"pattern": method_pattern(SENT_METHODS)})]
    path: Annotated[str, Meta(extra_json_schema={"pattern": r"^\s*(/|\{\{)"})]
    target_id: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)] = "local"
    delay_ms: DelayMs = 0
    extract: dict[str, Extract] = {}
    tags: Tags = []
    timeout_ms: Annotated[int, Meta(ge=1, le=MAX_STEP_TIMEOUT_MS)] = TIMEOUT_MS


class Step(StepBase, kw_only=True):
    """One request and the assertions about its answer."""

    headers: dict[str, str] = {}
    body: str = ""
    chaos: Chaos = msgspec.field(default_factory=Chaos)
    expect: Expect = msgspec.field(default_factory=Expect)
    retry: Retry = msgspec.field(default_factory=Retry)


class Group(msgspec.Struct):
    """Steps that run at the same time."""

    parallel: list[Step]


class Defaults(msgspec.Struct):
    stop_on_fail: bool = True


class ScenarioBase(msgspec.Struct, kw_only=True):
    """The members of a scenario whose form is the same in every document."""

    id: str = ""
    name: BoundedText
    description: BoundedText = ""
    created_at: str = ""
    updated_at: str = ""
    variables: Variables = {}
    tags: Tags = []


class Scenario(ScenarioBase, kw_only=True):
    """A journey of several steps."""

    defaults: Defaults = msgspec.field(default_factory=Defaults)
    steps: list[Step | Group]

    def groups(self) -> Iterator[list[Step]]:
        """Yield the steps that run together, in order; a single step is a group of one."""
        for item in self.steps:
            yield item.parallel if isinstance(item, Group) else [item]

    @property
    def flat(self) -> list[Step]:
        """All steps in the order of the document."""
        return [step for group in self.groups() for step in group]


# Members that a document has only if they differ from their default; the others are the reference's.
_OPTIONAL = ("extract", "retry", "tags", "variables", "json")


def document_of(scenario: Scenario) -> Document:
    """Return the document that the API shows."""
    document: Document = _without_defaults(scenario)
    document["steps"] = [_item(item) for item in scenario.steps]
    return document


def _item(item: Step | Group) -> Document:
    if isinstance(item, Group):
        return {"parallel": [_item(step) for step in item.parallel]}
    document = _without_defaults(item)
    document["expect"] = _without_defaults(item.expect)
    if item.retry.attempts == 1:
        document.pop("retry", None)
    if item.timeout_ms == TIMEOUT_MS:
        del document["timeout_ms"]
    return document


def _without_defaults(struct: msgspec.Struct) -> Document:
    whole: Document = msgspec.to_builtins(struct)
    return {name: value for name, value in whole.items() if value or name not in _OPTIONAL}
