"""Options for TLS, shared by the commands that serve failure modes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from hamms_trio.cli import options
from hamms_trio.cli.options import NamedPath

CA_DIR = NamedPath(file_okay=False, path_type=Path)


@dataclass(frozen=True, kw_only=True)
class Secure:
    """How failure modes are served over TLS."""

    tls: bool
    ca_dir: Path | None
    ca_unconstrained: bool


def secure(tls: str) -> options.Option:
    """Return the options for TLS.

    Args:
        tls: the help of ``--tls``, which names the doors that are served over TLS.
    """
    return options.together(
        "secure",
        Secure,
        click.option("--tls", is_flag=True, help=tls),
        click.option(
            "--ca-dir",
            type=CA_DIR,
            help="Folder of the authority that signs all certificates (ca.pem, ca-key.pem), which is made there if "
            "missing. Without this option, each run makes a new one, whose key no file ever has.",
        ),
        click.option(
            "--ca-unconstrained",
            is_flag=True,
            help="Make an authority without name constraints, for clients that can't read them.",
        ),
    )
