"""The targets that a load accepts, and the request that it makes of a URL."""

from __future__ import annotations

import re
import socket
from typing import Any

import pytest
import trio

from hamms_trio.errors import LoadError
from hamms_trio.load.generate import generate
from hamms_trio.load.plan import Plan
from hamms_trio.load.plan.request import make_request, parse_field
from hamms_trio.load.plan.target import choose, parse_url, resolve
from tests.load.loads import answering, serving


class Names(trio.abc.HostnameResolver):
    """A resolver with names of its own, which counts its look-ups."""

    def __init__(self) -> None:
        self.meanings = {
            "inside.test": ["127.0.0.1"],
            "outside.test": ["192.0.2.1"],
            "both.test": ["127.0.0.1", "192.0.2.1"],
        }
        self.asked = 0

    async def getaddrinfo(self, host: Any, port: Any, *_: Any) -> Any:
        self.asked += 1
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.meanings:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in self.meanings[name]]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError


@pytest.fixture
async def names() -> Names:
    resolver = Names()
    trio.socket.set_custom_hostname_resolver(resolver)  # of this trio.run only
    return resolver


@pytest.mark.parametrize(
    ("text", "host", "port", "authority", "target"),
    [
        ("http://127.0.0.1", "127.0.0.1", 80, "127.0.0.1", "/"),
        ("https://127.0.0.1", "127.0.0.1", 443, "127.0.0.1", "/"),
        ("HTTP://LocalHost:8080/a/b?c=d&e", "localhost", 8080, "LocalHost:8080", "/a/b?c=d&e"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080", "/"),
        ("http://[fe80::1%25lo]:80/", "fe80::1%lo", 80, "[fe80::1]:80", "/"),
        ("http://[fe80::1%lo]/", "fe80::1%lo", 80, "[fe80::1]", "/"),
        ("http://localhost?a", "localhost", 80, "localhost", "/?a"),
        ("http://localhost/a#fragment", "localhost", 80, "localhost", "/a"),
        ("http://localhost/%C3%BC//..", "localhost", 80, "localhost", "/%C3%BC//.."),
    ],
)
def test_a_url_is_split_into_parts(
    text: str, host: str, port: int, authority: str, target: str
) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.authority, url.target) == (host, port, authority, target)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:8080",
        "127.0.0.1",
        "ftp://localhost/",
        "http://",
        "http:///path",
        "http://:80/",
        "http://user:word@localhost/",
        "http://user@localhost/",
        "http://localhost:99999/",
        "http://localhost:0/",
        "http://localhost:http/",
        "http://[::1/",
        "http://local host/",
        "http://localhost/a b",
        "http://localhost/\u00fc",
        "http://localhost/a\r\nX: y",
        "http://localhost/\t",
        "http://loc\u00e4lhost/",
        "http://localhost/\0",
    ],
)
def test_an_unusable_url_is_refused(text: str) -> None:
    with pytest.raises(LoadError):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("http://[::1/", "is not a URL: Invalid IPv6"),
        ("localhost:8080", "'localhost:8080' is not a URL such as http://127.0.0.1:8080/path"),
        ("http://user@localhost/", "user name: give --header 'Authorization: ...' instead"),
        ("http://local host/", "'local host' has characters that are not allowed in a host name"),
        ("http://localhost:0/", "no server listens on port 0"),
        ("http://localhost/a b", "'/a b' has to be percent-encoded"),
    ],
)
def test_the_error_says_why_a_url_is_unusable(text: str, words: str) -> None:
    with pytest.raises(LoadError, match=re.escape(words)):
        parse_url(text)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("no colon", "'no' is not of the form 'Name: value'"),
        ("Content-Length: 5", "Content-Length can't be given: it is the length of --body"),
        ("Transfer-Encoding: chunked", "a body is sent with its Content-Length"),
        ("Connection: close", "give --no-keepalive for Connection: close"),
        ("Upgrade: h2c", "the generator speaks HTTP/1.1 only"),
    ],
)
def test_the_error_says_why_a_field_is_reserved(field: str, words: str) -> None:
    with pytest.raises(LoadError, match=re.escape(words)):
        parse_field(field)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7", "[::1]", "[::ffff:127.0.0.1]"])
async def test_a_loopback_address_is_a_target(host: str) -> None:
    assert await resolve(parse_url(f"http://{host}/"))


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "192.0.2.1", "[::]", "[2001:db8::1]", "[::ffff:192.0.2.1]", "[fe80::1]", "1.1"],
)
async def test_other_addresses_need_the_option_i_own_the_target(host: str) -> None:
    url = parse_url(f"http://{host}/")
    with pytest.raises(LoadError, match="--i-own-the-target"):
        await resolve(url)
    assert await resolve(url, anywhere=True)


@pytest.mark.parametrize("name", ["outside.test", "both.test"])
async def test_all_of_a_name_s_addresses_have_to_be_loopback(names: Names, name: str) -> None:
    url = parse_url(f"http://{name}/")
    with pytest.raises(LoadError, match=f"'{name}' means 192.0.2.1"):
        await resolve(url)
    assert len(await resolve(url, anywhere=True)) == len(names.meanings[name])


async def test_a_name_without_an_address_is_refused(names: Names) -> None:
    with pytest.raises(LoadError, match="has no address"):
        await resolve(parse_url("http://nobody.test/"))


async def test_a_name_is_looked_up_only_once(names: Names) -> None:
    async with serving(answering()) as address:
        url = parse_url(address.replace("127.0.0.1", "inside.test"))
        plan = Plan(concurrency=2, requests=20, keepalive=False)

        async def change_its_meaning(_load: object, *, task_status: trio.TaskStatus[None]) -> None:
            names.meanings["inside.test"] = ["192.0.2.1"]
            task_status.started()

        result = await generate(
            url, make_request(url, keepalive=False), plan, watch=change_its_meaning
        )
    assert result.tally.statuses == {200: 20}
    assert names.asked == 1


async def test_without_an_accepting_address_the_first_is_chosen() -> None:
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        addresses = [(socket.AF_INET, (host, port)) for host in ("127.0.0.1", "127.0.0.2")]
        assert await choose([*addresses], 5.0) == addresses[0]


def test_a_request_has_the_fields_of_a_good_client() -> None:
    url = parse_url("http://[::1]:8080/a?b")
    octets = make_request(url).octets

    assert octets.startswith(b"GET /a?b HTTP/1.1\r\nHost: [::1]:8080\r\nUser-Agent: hamms-trio/")
    assert octets.endswith(b"\r\nAccept: */*\r\n\r\n")


def test_given_fields_replace_the_defaults() -> None:
    url = parse_url("http://127.0.0.1/")
    fields = [("host", "example.test"), ("X", "1"), ("X", "2"), ("ACCEPT", "a/b")]
    octets = make_request(url, fields=fields).octets

    lines = octets.split(b"\r\n")
    assert lines[0] == b"GET / HTTP/1.1"
    assert lines[2:] == [b"host: example.test", b"X: 1", b"X: 2", b"ACCEPT: a/b", b"", b""]


@pytest.mark.parametrize("octets", [b"gr\xc3\xbc\xc3\x9fe", b"\xe6\x97\xa5", b"\xff\xfc", b"a\tb"])
def test_a_field_has_the_octets_that_were_typed(octets: bytes) -> None:
    typed = octets.decode("utf-8", "surrogateescape")  # as Python reads its command line
    request = make_request(parse_url("http://127.0.0.1/"), fields=[parse_field(f"X: {typed}")])
    assert b"\r\nX: " + octets + b"\r\n" in request.octets


@pytest.mark.parametrize(
    ("method", "body", "line"),
    [
        (None, b"abc", b"POST / HTTP/1.1"),
        ("PUT", b"abc", b"PUT / HTTP/1.1"),
        ("POST", None, b"POST / HTTP/1.1"),
        ("DELETE", b"abc", b"DELETE / HTTP/1.1"),
    ],
)
def test_a_body_has_its_length(method: str | None, body: bytes | None, line: bytes) -> None:
    octets = make_request(parse_url("http://127.0.0.1/"), method=method, body=body).octets

    head, _, content = octets.partition(b"\r\n\r\n")
    assert head.startswith(line)
    assert f"\r\nContent-Length: {len(content)}".encode() in head
    assert content == (body or b"")


@pytest.mark.parametrize("method", ["", "G T", "CONNECT", "GET\r\n", "\u00dc"])
def test_a_malformed_method_is_refused(method: str) -> None:
    with pytest.raises(LoadError):
        make_request(parse_url("http://127.0.0.1/"), method=method)


def test_a_second_host_field_is_refused() -> None:
    with pytest.raises(LoadError, match="Host"):
        make_request(parse_url("http://127.0.0.1/"), fields=[("Host", "a"), ("host", "b")])
