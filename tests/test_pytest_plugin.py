"""The fixture ``hamms``, in an inner run of pytest."""

from __future__ import annotations

import pytest

from tests.inner import OF_LOOPS, OURS, run_inner


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # This suite's settings must not reach the inner one.
    pytester.makeini(
        "[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function"
    )
    return run_inner(pytester, *arguments, plugins=(*OURS, *OF_LOOPS))


def test_the_fixture_serves_plain_asyncio_and_trio_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import asyncio
        import http.client

        import pytest
        import trio

        REQUEST = b"GET /?status=503 HTTP/1.1\\r\\nHost: hamms\\r\\nConnection: close\\r\\n\\r\\n"

        def test_plain(hamms):
            connection = http.client.HTTPConnection(*hamms.address("status"), timeout=60)
            connection.request("GET", "/?status=503")
            response = connection.getresponse()
            response.read()
            connection.close()
            assert response.status == 503
            assert hamms.ledger.requests("status", status=503)[0].status == 503

        @pytest.mark.asyncio
        async def test_asyncio(hamms):
            reader, writer = await asyncio.open_connection(*hamms.address("status"))
            writer.write(REQUEST)
            assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
            writer.close()
            await writer.wait_closed()
            assert len(hamms.ledger.requests("status")) == 1

        @pytest.mark.trio
        async def test_trio(hamms):
            async with await trio.open_tcp_stream(*hamms.address("status")) as stream:
                await stream.send_all(REQUEST)
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 503 ")
            assert len(hamms.ledger.requests("status")) == 1
        """
    )
    run(pytester).assert_outcomes(passed=3)


FRESH = """
import urllib.error
import urllib.request

import pytest

@pytest.mark.parametrize("again", range(3))
def test_fresh(hamms, again):
    assert hamms.ledger.requests() == []
    assert hamms.ledger.connections() == []
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(hamms.url("retries", tries=2), timeout=60)
    raised.value.close()
    assert hamms.ledger.requests("retries")[0].status == 500

def test_drops(hamms):
    dropped = []
    for _ in range(20):
        try:
            urllib.request.urlopen(hamms.url("tcp-drop-random", failrate=0.5), timeout=60).close()
            dropped.append(False)
        except ConnectionResetError:
            dropped.append(True)
    with open("noted", "a") as noted:
        print(hamms.ports, dropped, file=noted)
"""


def test_modules_share_one_server_and_each_test_starts_afresh(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_one=FRESH, test_other=FRESH)

    run(pytester).assert_outcomes(passed=8)
    first, second = (pytester.path / "noted").read_text().splitlines()
    assert first == second  # the same ports, and the same requests dropped


def test_the_list_of_fixtures_describes_hamms(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing(): pass")

    listed = pytester.runpytest_subprocess("--fixtures")  # with every plugin that is installed
    listed.stdout.fnmatch_lines(["hamms*", "*A running hamms on free ports*"])


def test_a_failing_test_s_client_does_not_disturb_the_next(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import socket
        import pytest
        left_open = []

        def test_fails(hamms):
            left_open.append(socket.create_connection(hamms.address("tcp-accept-hang")))
            hamms.ledger.wait_until(lambda ledger: len(ledger.connections()) == 1)
            raise AssertionError

        def test_passes(hamms):
            assert hamms.ledger.connections() == []
            with left_open.pop() as sock, pytest.raises(ConnectionResetError):
                sock.recv(1)
        """
    )
    run(pytester).assert_outcomes(passed=1, failed=1)


def test_the_plugin_imports_no_slow_module_before_use(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            assert "hamms_trio.pytest_plugin" in sys.modules
            assert {"trio", "ssl", "hamms_trio.app", "scapy", "click"}.isdisjoint(sys.modules)

        def test_used(hamms):
            assert "trio" in sys.modules
        """
    )
    pytester.makeini("[pytest]")  # other plugins import slow modules themselves
    run_inner(pytester).assert_outcomes(passed=2)


def test_a_marker_gives_a_test_a_server_with_its_settings(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        import pytest

        from hamms_trio import Limits

        pytestmark = pytest.mark.hamms_server(seed=7)
        SERVERS = {}

        def test_a_seed(hamms):
            SERVERS["seed"] = hamms
            assert hamms.seed == 7

        def test_the_same_settings_are_the_same_server(hamms):
            assert hamms is SERVERS["seed"]

        @pytest.mark.hamms_server(speed=1000, limits=Limits(idle=2.0))
        def test_speed_and_seed(hamms):
            assert hamms is not SERVERS["seed"]
            assert hamms.seed == 7
            with urllib.request.urlopen(hamms.url("pace-byte")) as answer:
                assert answer.status == 204
        """
    )
    run(pytester, "--strict-markers").assert_outcomes(passed=3)


def test_a_marker_with_another_setting_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.hamms_server(sped=1000)
        def test_it(hamms): ...
        """
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*hamms_server takes seed, speed, limits, tls, by keyword*"])


def test_the_session_s_server_keeps_its_ledger_between_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        import pytest

        @pytest.fixture(scope="session")
        def base(hamms_session):
            return hamms_session.url("retries", tries=1)

        @pytest.mark.parametrize("number", [1, 2])
        def test_it(base, hamms, hamms_session, number):
            urllib.request.urlopen(base).close()
            assert len(hamms_session.ledger.requests("retries")) == number
            assert hamms.ledger.requests() == []
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_the_report_of_a_failing_test_shows_the_ledger(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import urllib.request

        def test_it(hamms):
            urllib.request.urlopen(hamms.url("status", status=201) + "&mine=1").close()
            assert False

        def test_untouched(hamms):
            assert False
        """
    )
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*hamms ledger*",
            "*GET /?status=201&mine=1 answered 201* on connection 1, ignored mine, struck*",
            "*no client has connected*",
        ]
    )
