"""``hamms-trio modes``, in a process of its own."""

from __future__ import annotations

import json
import subprocess

import pytest

from hamms_trio.cli.catalogue import listed_doors, port, selected
from hamms_trio.modes import CATALOGUE
from tests import forks

DOORS = listed_doors(CATALOGUE)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.run(forks.HAMMS, *arguments)


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
        ("5507", "The mode is pace-byte."),
        ("5507", "Serve the mode alone: hamms-trio one pace-byte --set interval=30.0"),
        ("5534", "The mode is frame-cl-short-fin."),
        ("tcp-accept-hang", "Serve the mode alone: hamms-trio one tcp-accept-hang\n"),
    ],
)
def test_a_port_a_slug_or_an_alias_leads_to_its_mode(wanted: str, shown: str) -> None:
    assert shown in run("modes", wanted).stdout


def test_a_port_without_a_mode_is_named_as_a_port() -> None:
    done = run("modes", "5555")

    assert done.returncode == 2
    assert "no failure mode has port 5555: hamms-trio modes lists the ports" in done.stderr


@pytest.mark.parametrize("wrong", ["stat", "nope", "ZZZ"])
def test_an_unknown_name_gets_suggestions(wrong: str) -> None:
    done = run("modes", wrong)

    assert done.returncode == 2
    assert "did you mean" in done.stderr


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("full response then more data", "frame-cl-long"),
        ("random byte drops", "tcp-corrupt-bytes"),
        ("10 MB headers", "head-10m"),
        ("binary data", "status-binary"),
        ("retry-counter", "retries"),
        ("psf/requests#4956", "frame-cl-short-close-hdr"),
    ],
)
def test_search_finds_a_mode_by_words_of_its_own_and_of_hamms(words: str, found: str) -> None:
    doors = selected(listed_doors(CATALOGUE), word=words, family=None, level=None)
    assert found in {door.name for door in doors}


def test_search_lists_a_mode_on_the_command_line() -> None:
    assert " head-10m " in run("modes", "--search", "10 MB headers").stdout


def test_family_and_level_filter_the_list() -> None:
    described = json.loads(run("modes", "--family", "conn", "--level", "must", "--json").stdout)
    assert {each["family"] for each in described} == {"conn"}
    assert {each["client"]["level"] for each in described} == {"MUST"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--family", "connn"], "there is no family 'connn'"),
        (["--search", "zzz"], "no failure mode matches"),
        (["status", "--family", "status"], "leave SLUG out"),
    ],
)
def test_a_filter_that_finds_nothing_says_so_in_one_line(
    arguments: list[str], problem: str
) -> None:
    done = run("modes", *arguments)
    assert done.returncode == 2
    assert problem in done.stderr


def test_a_family_s_port_finds_its_flagship() -> None:
    assert "family-frame (family frame, port 5534)" in run("modes", "5534").stdout


def test_modes_names_the_control_of_a_mode_of_tls() -> None:
    assert "Its control is `tls-expired share=0`" in run("modes", "tls-expired").stdout
    assert json.loads(run("modes", "tls-expired", "--json").stdout)["control"] == (
        "tls-expired share=0"
    )
    assert "control" not in run("modes", "tcp-refused").stdout
