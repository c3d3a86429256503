"""``hamms-trio scenario proxy``: one request to a target of a running workbench."""

from __future__ import annotations

import json

import click

from hamms_trio.cli.remote import (
    REMOTE,
    AnswerRefused,
    Remote,
    RemoteDocument,
    WorkbenchUnreachable,
)
from netsplode.usage import Refused

ANSWERED_BADLY = 3  # the exit code of an answer that is an error
ERRORS_FROM = 400


@click.command("proxy")
@click.option("--target-id", required=True, help="The id or the name of the target.")
@click.option("--method", default="GET", show_default=True, help="The request's method.")
@click.option("--path", default="/", show_default=True, help="The request's path, with its query.")
@click.option("--body", default="", help="The request's content.")
@click.option(
    "--headers-json",
    default="{}",
    show_default=True,
    help="The request's fields, as a JSON object.",
)
@click.option("--timeout-ms", type=float, help="Milliseconds, instead of the target's own.")
@REMOTE
@click.pass_context
def proxy(
    context: click.Context,
    target_id: str,
    method: str,
    path: str,
    body: str,
    headers_json: str,
    timeout_ms: float | None,
    remote: Remote,
) -> None:
    """Make one request to a target of a running workbench.

    The exit code is 0 for an answer below 400, and 3 for another one or none.
    """
    asked: RemoteDocument = {
        "target_id": target_id,
        "method": method,
        "path": path,
        "headers": _fields(headers_json),
        "body": body,
    }
    if timeout_ms is not None:
        asked["timeout_ms"] = timeout_ms
    try:
        document = remote.ask("POST", "/api/proxy/request", asked)
    except WorkbenchUnreachable as error:
        raise AnswerRefused(error.message) from None
    remote.show(document, _text(document))
    if document["response"]["status"] >= ERRORS_FROM:
        context.exit(ANSWERED_BADLY)


def _fields(text: str) -> RemoteDocument:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise Refused(f"--headers-json {text!r} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise Refused(f'--headers-json {text!r} is no object: give one such as {{"Accept": "*/*"}}')
    return fields


def _text(document: RemoteDocument) -> str:
    response, target = document["response"], document["request"]["target_id"]
    line = (
        f"Proxy response | target={target} status={response['status']} trace={document['trace_id']}"
    )
    fields = json.dumps(response["headers"], indent=2, sort_keys=True)
    return f"{line}\n{fields}\n{response['body']}"
