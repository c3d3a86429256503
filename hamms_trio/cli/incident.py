"""``hamms-trio incident``: the incident of a running workbench."""

from __future__ import annotations

import click

from hamms_trio.cli.remote import REMOTE, Remote, RemoteDocument
from netsplode.usage import Commands


@click.group(cls=Commands, short_help="Inject faults into a running workbench for a time.")
def incident() -> None:
    """Start, show and stop the incident of a running workbench."""


@incident.command("start")
@click.argument("mode", default="status_spike_503")
@click.option("--probability", type=float, help="Share of the requests to strike, 0 to 1.")
@click.option("--seed", type=int, help="Seed of the choice of these requests.")
@click.option("--latency-ms", type=float, help="The delay of fixed_latency, or its mean.")
@click.option(
    "--distribution",
    type=click.Choice(("fixed", "uniform", "normal")),
    help="Distribution of the delay.",
)
@click.option("--jitter-ms", type=float, help="The width or the deviation of the delay.")
@click.option("--start-after", type=float, help="Seconds until the incident strikes.")
@click.option("--duration", type=float, help="Seconds for which the incident strikes.")
@click.option(
    "--flap", type=float, help="Seconds for which the incident strikes, then rests, in turn."
)
@click.option("--ttl", type=float, help="Seconds until the incident ends in any case.")
@REMOTE
def start(mode: str, remote: Remote, **members: object) -> None:
    """Start an incident, and end the one before.

    MODE is status_spike_503, fixed_latency, body_drop, or a failure mode such as frame-cl-short-fin.
    """
    document: RemoteDocument = {"mode": mode}
    document |= {member: value for member, value in members.items() if value is not None}
    started = remote.ask("POST", "/api/incidents/start", document)
    remote.show(started, _line(started["incident"]))


@incident.command("show")
@REMOTE
def show(remote: Remote) -> None:
    """Show the current or the last incident."""
    document = remote.ask("GET", "/api/incidents/state")
    remote.show(document, _line(document["incident"]))


@incident.command("stop")
@REMOTE
def stop(remote: Remote) -> None:
    """End the incident."""
    document = remote.ask("POST", "/api/incidents/stop", {})
    remote.show(document, _line(document["incident"]))


def _line(state: RemoteDocument) -> str:
    words = [f"{state['mode']} {state['phase']}", f"seed={state['seed']}"]
    words.append(f"probability={state['probability']:g}")
    words.append(f"affected={state['affected_requests']} of {state['requests']}")
    if state["ends_in"] is not None:
        words.append(f"ends_in={state['ends_in']:g}s")
    if state["ended_by"]:
        words.append(f"ended_by={state['ended_by']}")
    return "\t".join(words)
