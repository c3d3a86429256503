"""``hamms-trio modes``, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hamms_trio.cli.catalogue import listed_doors, port
from hamms_trio.modes import CATALOGUE

DOORS = listed_doors(CATALOGUE)
HAMMS = [sys.executable, "-m", "hamms_trio"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HAMMS, *arguments], capture_output=True, text=True, check=False)


def test_modes_lists_the_catalogue() -> None:
    done = run("modes")

    assert done.returncode == 0
    heading, *lines = done.stdout.splitlines()
    assert heading.split(maxsplit=2) == ["port", "mode", "what it does"]
    assert [line.split(maxsplit=2) for line in lines] == [
        [port(door), door.name, door.summary] for door in DOORS
    ]


def test_modes_as_json_has_everything() -> None:
    described = json.loads(run("modes", "--json").stdout)

    assert [each["name"] for each in described] == [door.name for door in DOORS]
    assert [str(each["port"] or "-") for each in described] == [port(door) for door in DOORS]
    (one,) = (each for each in described if each["name"] == "pace-byte")
    assert json.loads(run("modes", "pace-byte", "--json").stdout) == one
    (interval,) = one["parameters"]
    assert (interval["name"], interval["default"], interval["unit"]) == ("interval", 5.0, "seconds")
    assert one["client"]["source"].startswith("RFC 9112")


@pytest.mark.parametrize("slug", ["tcp-refused", "tcp-drop-random", "retries"])
def test_modes_describes_one_mode(slug: str) -> None:
    done = run("modes", slug)

    assert done.returncode == 0
    assert CATALOGUE[slug].description.replace("``", "`") in done.stdout
    assert all(f"{p.name}: {p.takes}" in done.stdout for p in CATALOGUE[slug].parameters)


def test_modes_rejects_unknown_names() -> None:
    done = run("modes", "retrys")

    assert done.returncode == 2
    assert done.stdout == ""
    assert "retries" in done.stderr.splitlines()[-1]
    assert run("modes", "nonsense").returncode == 2


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("5506", "pace-byte (family pace, port 5506)"),
        ("5507", "default 30.0"),
        ("status-code", "status (family status, port 5509)"),
    ],
)
def test_a_port_or_an_alias_finds_its_mode(wanted: str, shown: str) -> None:
    assert shown in run("modes", wanted).stdout


@pytest.mark.parametrize("wrong", ["stat", "nope", "5517", "ZZZ"])
def test_an_unknown_name_gets_suggestions(wrong: str) -> None:
    done = run("modes", wrong)

    assert done.returncode == 2
    assert "did you mean" in done.stderr
