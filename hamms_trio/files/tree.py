"""A directory's files as resources, and the answers to requests for them."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time

from hamms_trio.files.disk.root import Root
from hamms_trio.files.listing import POLICY, entries, page
from hamms_trio.files.path import ResourcePath, parse_path
from hamms_trio.files.remembered import FileMemory, Key, look_around, remember
from hamms_trio.files.representation.answer import (
    FileAnswer,
    Representation,
    answer_plainly,
    represent,
)
from hamms_trio.files.representation.content_types import content_type
from hamms_trio.files.representation.failures import answer_failures
from hamms_trio.files.representation.variants import (
    Variant,
    acceptable_suffixes,
    open_variant,
    representation,
)
from hamms_trio.wire import RequestHead, scan_for
from hamms_trio.wire.fields.codings import IDENTITY
from hamms_trio.wire.fields.conditional import CONDITIONAL_FIELDS, Validators

INDEX = b"index.html"

_FIELDS = scan_for(*sorted(CONDITIONAL_FIELDS), "range", "accept-encoding")
_VARY = "Accept-Encoding"
_METHODS = ("GET", "HEAD")


@dataclass(frozen=True, kw_only=True)
class FileTree:
    """The files and directories beneath a root, for GET and HEAD.

    Args:
        root: the directory.
        prefix: the start of these resources' paths; it ends in a slash.
        listing: True to list a directory without an index.html; otherwise that directory is not found.
        precompressed: True to send ``x.br``, ``x.zst`` or ``x.gz`` for ``x`` to clients that accept the coding.
        clock: returns seconds since 1970.
        memory: the files that were sent before; it serves this tree only.
    """

    root: Root
    prefix: str = "/"
    listing: bool = False
    precompressed: bool = True
    clock: Callable[[], float] = field(default=time, repr=False)
    memory: FileMemory = field(default_factory=FileMemory, repr=False, compare=False)

    def answer(self, request: RequestHead) -> FileAnswer:
        """Answer a request.

        Raises:
            OSError: the failure is not the request's fault; a disk may have failed, for example.
        """
        method = request.method
        reads = method in _METHODS
        answer = answer_failures(method, lambda: self._answer(method, request))
        if reads or answer.status >= 400:
            return answer
        answer.close()
        return answer_plainly(method, 405, ("Allow", "GET, HEAD"))

    def _answer(self, method: str, request: RequestHead) -> FileAnswer:
        if request.path + "/" == self.prefix:
            return _redirect(method, self.prefix, request)
        if not request.path.startswith(self.prefix):
            return answer_plainly(method, 404)
        target = parse_path(request.path[len(self.prefix) :])
        try:
            if not target.is_directory:
                return self._answer_file(method, target.names, request)
        except IsADirectoryError:
            pass
        return self._answer_directory(method, target, request)

    def _answer_file(
        self, method: str, names: tuple[bytes, ...], request: RequestHead
    ) -> FileAnswer:
        now = self.clock()
        accept_encoding, fields = _selecting_fields(request)
        key = (names, accept_encoding)
        known = self.memory.get(key)
        if known is not None:
            source = known.open_again(self.root, now=now)
            if source is None:
                self.memory.forget(key)
            elif method == "GET" and not fields:
                return known.answer(source)
            else:
                return represent(method, fields, known.shown, source, now=now)
        variant = self._choose(key)
        if variant is None:
            return answer_plainly(method, 406, ("Vary", _VARY))
        shown = self._show(names, variant, now)
        answer = represent(method, fields, shown, variant.file.descriptor, now=now)
        if self.memory.is_due(key, now) and not self._remember(key, now):
            self.memory.postpone(key, now)
        return answer

    def _choose(self, key: Key) -> Variant | None:
        names, accept_encoding = key
        if self.precompressed:
            return open_variant(self.root, names, accept_encoding)
        return Variant(self.root.open_file(names), IDENTITY)

    def _show(self, names: tuple[bytes, ...], variant: Variant, now: float) -> Representation:
        vary = _VARY if self.precompressed else None
        return representation(variant, content_type(names[-1]), now=now, vary=vary)

    def _remember(self, key: Key, now: float) -> bool:
        """Look again, in an order that misses no change made meanwhile, and keep what was found."""
        names, accept_encoding = key
        suffixes = acceptable_suffixes(accept_encoding) if self.precompressed else ()
        try:
            surroundings = look_around(self.root, names, suffixes, now=now)
            variant = None if surroundings is None else self._choose(key)
        except OSError:  # the next request gets the error as its answer
            return False
        if surroundings is None or variant is None:
            return False
        shown = self._show(names, variant, now)
        file = remember(surroundings, names[-1], variant, shown, now=now)
        if file is not None:
            self.memory.keep(key, file)
        return file is not None

    def _answer_directory(
        self, method: str, target: ResourcePath, request: RequestHead
    ) -> FileAnswer:
        has_index = self._is_file((*target.names, INDEX))
        if not (has_index or self.listing):
            return answer_plainly(method, 404)
        if not target.is_directory:
            return _redirect(method, f"{self.prefix}{target.path}/", request)
        if has_index:
            return self._answer_file(method, (*target.names, INDEX), request)
        content = page(target.names, entries(self.root, target.names))
        shown = Representation(
            octets=len(content),
            content_type="text/html; charset=utf-8",
            validators=Validators(f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'),
            fields=(("Content-Security-Policy", POLICY),),
        )
        return represent(method, _selecting_fields(request)[1], shown, content, now=self.clock())

    def _is_file(self, names: tuple[bytes, ...]) -> bool:
        try:
            return stat.S_ISREG(self.root.status(names).st_mode)
        except FileNotFoundError:
            return False


def _selecting_fields(request: RequestHead) -> tuple[str | None, Mapping[str, str]]:
    """Take Accept-Encoding and the other fields that select from a file; none, unless the method reads."""
    if request.method not in _METHODS:
        return None, {}
    fields = request.combined(_FIELDS)
    return fields.pop("accept-encoding", None), fields


def _redirect(method: str, path: str, request: RequestHead) -> FileAnswer:
    query = f"?{request.query_string}" if request.query_string else ""
    return answer_plainly(method, 301, ("Location", path + query))
