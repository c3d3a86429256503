"""The list of the failure modes that a shared door reaches, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hamms_trio.lab.shared.labels import MODE_PREFIX
from hamms_trio.modes import FailureMode
from hamms_trio.modes.peers.peer import Peer
from hamms_trio.wire import RequestHead, best_match


async def list_modes(peer: Peer, request: RequestHead, *, modes: Iterable[FailureMode]) -> None:
    """Answer with the modes that this door reaches, and the reason why it does not reach the others."""
    media_type = best_match(request.get("accept"), _LISTINGS) or "text/html"
    body = _LISTINGS[media_type](list(modes)).encode()
    await peer.http.respond(request, 200, ("Content-Type", media_type), body=body)


def _as_json(modes: list[FailureMode]) -> str:
    listed = [
        {
            "slug": mode.slug,
            "summary": mode.summary,
            "path": None if mode.needs_port else f"{MODE_PREFIX}{mode.slug}/",
            "needs_port": mode.needs_port,
            "parameters": {p.name: p.takes for p in mode.parameters},
        }
        for mode in modes
    ]
    return json.dumps({"modes": listed}, ensure_ascii=False, indent=2) + "\n"


def _as_html(modes: list[FailureMode]) -> str:
    from html import escape  # only now, because serving needs nothing of it

    rows = "".join(f"<tr><td>{_link(m)}<td>{escape(m.summary)}\n" for m in modes)
    return (
        '<!DOCTYPE html>\n<html lang="en"><meta charset="utf-8"><title>Failure modes</title>\n'
        f"<h1>Failure modes</h1>\n<table>\n{rows}</table>\n</html>\n"
    )


def _link(mode: FailureMode) -> str:
    if mode.needs_port:
        return f"{mode.slug} (needs a port of its own)"
    return f'<a href="{MODE_PREFIX}{mode.slug}/">{mode.slug}</a>'


_LISTINGS = {"text/html": _as_html, "application/json": _as_json}
