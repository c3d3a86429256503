"""Usage errors: one line on standard error with the remedy, and exit code 2."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hamms_trio.cli import main as hamms_trio
from netsplode.cli import main as netsplode

SAFETY_NET = 60.0  # seconds; nothing is expected to take nearly as long
PROGRAMS = {"hamms-trio": hamms_trio, "netsplode": netsplode}
GROUPS = ("events", "incident", "mock", "report", "scenario", "target")

# A command line, the command whose help the error refers to, and a part of the error.
BAD = [
    ("hamms-trio --nonsense", "hamms-trio", "--nonsense"),
    ("hamms-trio --version=3", "hamms-trio", "'--version' does not take a value"),
    ("hamms-trio wrkbench", "hamms-trio", "No such command 'wrkbench'"),
    ("hamms-trio serve --nonsense", "hamms-trio serve", "--nonsense"),
    ("hamms-trio serve --beginning-port 70000", "hamms-trio serve", "0<=x<=65435"),
    ("hamms-trio serve --beginning-port http", "hamms-trio serve", "'http'"),
    ("hamms-trio serve --beginning-port -1", "hamms-trio serve", "-1 is not in the range"),
    ("hamms-trio serve --speed fast", "hamms-trio serve", "'fast'"),
    ("hamms-trio serve --seed 1.5", "hamms-trio serve", "'1.5'"),
    ("hamms-trio serve --log-format xml", "hamms-trio serve", "'plain', 'json'"),
    ("hamms-trio serve --ready-file .", "hamms-trio serve", "'.' is a directory"),
    ("hamms-trio serve --ready-file=", "hamms-trio serve", "it is empty: give a path"),
    ("hamms-trio serve --drain-timeout nan", "hamms-trio serve", "not a number of seconds"),
    ("hamms-trio serve --no-workbench --workbench-port 1", "hamms-trio serve", "for the workbench"),
    ("hamms-trio workbench now", "hamms-trio workbench", "unexpected extra argument"),
    ("hamms-trio workbench --prt 1", "hamms-trio workbench", "--prt"),
    ("hamms-trio workbench --port", "hamms-trio workbench", "'--port' requires an argument"),
    ("hamms-trio workbench --port 99999", "hamms-trio workbench", "0<=x<=65535"),
    ("hamms-trio workbench --enable-tls=yes", "hamms-trio workbench", "does not take a value"),
    ("hamms-trio workbench --engine nginx", "hamms-trio workbench", "'trio', 'threadpool'"),
    ("hamms-trio workbench --allow-host http://a", "hamms-trio workbench", "no host name"),
    ("hamms-trio serve --allow-host http://a", "hamms-trio serve", "no host name"),
    ("hamms-trio serve --allow-target http://a", "hamms-trio serve", "neither a host name"),
    ("hamms-trio workbench --max-targets 0", "hamms-trio workbench", "1<=x<=10000"),
    ("hamms-trio scenario proxy", "hamms-trio scenario proxy", "'--target-id'"),
    ("hamms-trio workbench --max-head 1", "hamms-trio workbench", "64<=x<=1048576"),
    ("hamms-trio workbench --server-name=\u00e9", "hamms-trio workbench", "visible ASCII"),
    ("hamms-trio serve --engine threadpool", "hamms-trio serve", "'epoll', 'trio'"),
    ("hamms-trio load --engine nginx", "hamms-trio load", "'epoll', 'trio'"),
    ("hamms-trio workbench --max-connections 0", "hamms-trio workbench", "x>=1"),
    ("hamms-trio workbench --body-timeout 0", "hamms-trio workbench", "x>0"),
    ("hamms-trio workbench --head-timeout inf", "hamms-trio workbench", "not a number of seconds"),
    ("hamms-trio workbench --key-file x", "hamms-trio workbench", "are for --enable-tls"),
    ("hamms-trio workbench --ready-file=", "hamms-trio workbench", "it is empty"),
    ("hamms-trio workbench --enable-tls --cert-file=", "hamms-trio workbench", "it is empty"),
    ("hamms-trio workbench --codecrafters-mode --directory=", "hamms-trio workbench", "it is empty"),
    (
        "hamms-trio workbench --enable-tls --port 8443",
        "hamms-trio workbench",
        "--port and --https-port are both 8443",
    ),
    ("hamms-trio workbench --directory .", "hamms-trio workbench", "for --codecrafters-mode"),
    (
        "hamms-trio workbench --codecrafters-mode --directory {here}/absent",
        "hamms-trio workbench",
        "{here}/absent is no directory",
    ),
    (
        "hamms-trio workbench --codecrafters-mode --directory {here}/file",
        "hamms-trio workbench",
        "{here}/file is no directory",
    ),
    ("hamms-trio files {here}/absent", "hamms-trio files", "does not exist"),
    ("hamms-trio files {here}/file", "hamms-trio files", "is a file"),
    ("hamms-trio files --ready-file=", "hamms-trio files", "it is empty"),
    ("hamms-trio files --max-connections many", "hamms-trio files", "'many'"),
    ("hamms-trio modes statos", "hamms-trio modes", "status"),
    ("hamms-trio incident start --probability 3", "hamms-trio incident start", "0<=x<=1"),
    ("hamms-trio target add a http://a --share 2", "hamms-trio target add", "0<=x<=1"),
    ("hamms-trio mock add GET /a --sequence 500,x", None, "'x' is no status"),
    ("hamms-trio modes status retries", "hamms-trio modes", "unexpected extra argument"),
    ("hamms-trio certs --days 0", "hamms-trio certs", "1<=x<=3650"),
    ("hamms-trio certs {here}/file", "hamms-trio certs", "is a file"),
    ("hamms-trio certs {here}/file/in", None, "can't be written to {here}/file/in"),
    ("hamms-trio certs --name= {here}/new", None, "no certificate for '': give names of hosts"),
    ("hamms-trio certs --name a@b {here}/new", None, "no certificate for 'a@b'"),
    ("hamms-trio certs /dev/null", None, "can't be written to /dev/null"),
    ("hamms-trio load", None, "give a URL, such as"),
    ("hamms-trio load ftp://127.0.0.1/", None, "http://"),
    ("hamms-trio load http://127.0.0.1:1/ -c 0", "hamms-trio load", "1<=x"),
    ("hamms-trio load http://127.0.0.1:1/ -d soon", "hamms-trio load", "the unit s, ms, us, m, h"),
    ("hamms-trio load http://127.0.0.1:1/ -d 25h", "hamms-trio load", "25h is not from 0 to 24h"),
    ("hamms-trio load http://127.0.0.1:1/ -r 2000000", "hamms-trio load", "from 0 to 1000000"),
    ("hamms-trio load http://127.0.0.1:1/ --json=", "hamms-trio load", "it is empty"),
    ("hamms-trio load http://127.0.0.1:1/ --json {here}/no/file", None, "can't write"),
    ("hamms-trio load http://127.0.0.1:1/ --json {here}/{long}/x", None, "can't write"),
    ("hamms-trio workbench --codecrafters-mode --directory {long}", "hamms-trio workbench", "no directory"),
    ("hamms-trio load compare one.json", "hamms-trio load compare", "Missing argument 'B.json'"),
    ("hamms-trio load compare {here}/file {here}/file", None, "{here}/file"),
    (
        "hamms-trio load compare a b --max-error-rate 200%",
        "hamms-trio load compare",
        "200% is not from 0 to 100%",
    ),
    ("hamms-trio load compare --max-p50", "hamms-trio load", "requires an argument"),
    ("netsplode --nonsense", "netsplode", "--nonsense"),
    ("netsplode explode", "netsplode", "No such command 'explode'"),
    ("netsplode list --pid one", "netsplode list", "'one'"),
    ("netsplode list --port 0", "netsplode list", "1<=x<=65535"),
    ("netsplode reset", "netsplode reset", "give LOCAL and REMOTE"),
    ("netsplode reset --port", "netsplode reset", "requires an argument"),
    ("netsplode reset --port 1 --technique nuke", "netsplode reset", "'auto', 'abort'"),
    ("netsplode reset --port 1 --timeout nan", "netsplode reset", "not a number of seconds"),
    ("netsplode reset --port 1 --timeout 0", "netsplode reset", "x>0"),
    ("netsplode reset 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3", "netsplode reset", "unexpected extra"),
    ("netsplode doctor --verbose", "netsplode doctor", "--verbose"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail the test when a command line is accepted, instead of serving without end."""

    def run(*_arguments: object) -> None:
        pytest.fail("the command line was accepted")

    monkeypatch.setattr("trio.run", run)


@pytest.mark.parametrize(("line", "command", "problem"), BAD, ids=[line for line, *_ in BAD])
def test_a_usage_error_is_one_line_with_the_remedy(
    tmp_path: Path, line: str, command: str | None, problem: str
) -> None:
    (tmp_path / "file").touch()
    program, *words = (word.format(here=tmp_path, long="x" * 300) for word in line.split())
    done = CliRunner().invoke(PROGRAMS[program], words, prog_name=program)

    assert (done.exit_code, done.stdout) == (2, "")
    (error,) = done.stderr.splitlines()
    assert error.startswith(f"{program}: ")
    assert problem.format(here=tmp_path) in error
    if command is not None:
        assert error.endswith(f"ee `{command} --help`")


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_rejects_unknown_options_and_has_help(program: str) -> None:
    main: click.Group = PROGRAMS[program]
    for name in main.commands:
        refused = CliRunner().invoke(main, [name, "--no-such-option"], prog_name=program)
        (error,) = refused.stderr.splitlines()
        assert error.endswith(f"ee `{program} {name} --help`")
        helped = CliRunner().invoke(main, [name, "--help"], prog_name=program)
        assert (helped.exit_code, helped.stderr) == (0, "")
        assert helped.stdout.startswith(f"Usage: {program} {name} ")


@pytest.mark.parametrize(
    "group", ["hamms-trio", "netsplode", *(f"hamms-trio {name}" for name in GROUPS)]
)
def test_the_summary_of_each_command_is_whole(group: str) -> None:
    program, *words = group.split()
    shown = CliRunner().invoke(PROGRAMS[program], [*words, "--help"], prog_name=program)
    commands = shown.stdout.partition("\nCommands:\n")[2]
    assert commands
    assert "..." not in commands


@pytest.mark.parametrize("word", ["two\nlines", "a\rcarriage", "\x1b[31mred", "\udcff"])
def test_the_error_escapes_control_characters_of_the_argument(word: str) -> None:
    done = CliRunner().invoke(hamms_trio, ["serve", "--only", "status", word, "--speed", word])

    (error,) = done.stderr.splitlines()
    assert error.isprintable()


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-m", "hamms_trio"],
        [sys.executable, "-m", "netsplode"],
        [str(Path(sys.executable).with_name("hamms-trio"))],
        [str(Path(sys.executable).with_name("netsplode"))],
    ],
)
def test_a_command_has_its_name_in_errors_however_it_is_started(command: list[str]) -> None:
    if not Path(command[0]).exists():
        pytest.skip("the project is not installed here")
    done = subprocess.run(
        [*command, "nonsense"], capture_output=True, text=True, timeout=SAFETY_NET
    )
    name = "netsplode" if command[-1].endswith("netsplode") else "hamms-trio"

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{name}: No such command 'nonsense'; see `{name} --help`\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("module", ["hamms_trio.cli", "netsplode.cli"])
def test_a_full_standard_output_gets_a_one_line_error(module: str) -> None:
    code = f"import sys; from {module} import main; main(sys.argv[1:], 'it')"
    for words in (["--help"], ["serve" if module.startswith("hamms") else "list", "--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-c", code, *words],
                stdout=full, stderr=subprocess.PIPE, text=True, timeout=SAFETY_NET,
            )  # fmt: skip
        (error,) = done.stderr.splitlines()
        assert (done.returncode, error.startswith("it: can't write to standard output")) == (
            2,
            True,
        )


@pytest.mark.parametrize("program", PROGRAMS)
def test_without_a_command_the_help_lists_the_commands(program: str) -> None:
    done = CliRunner().invoke(PROGRAMS[program], [], prog_name=program)

    assert set(PROGRAMS[program].commands) <= set(done.output.split())
