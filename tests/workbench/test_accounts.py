"""Accounts: tokens, roles, logins and origins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hamms_trio.errors import StateUnusable
from hamms_trio.workbench.accounts import Guard, Role, check_origin, read_users, required_role
from hamms_trio.workbench.accounts.guard import bearer_token
from hamms_trio.workbench.accounts.users import User, hash_password
from hamms_trio.workbench.routing.problems import Problem

FEW = 10_000  # iterations, so that tests take no time


def entry(username: object = "ann", **more: object) -> dict[str, object]:
    password_hash = hash_password("secret", iterations=FEW)
    return {"username": username, "role": "operator", "password_hash": password_hash, **more}


def users(tmp_path: Path, *entries: object) -> dict[str, User]:
    path = tmp_path / "users.json"
    path.write_text(json.dumps({"version": 1, "users": entries}))
    return read_users(path)


ROLES = [
    ("GET", "/api/mocks", Role.VIEWER),
    ("POST", "/api/mocks", Role.ADMIN),
    ("DELETE", "/api/mocks/a", Role.ADMIN),
    ("PUT", "/api/history", Role.ADMIN),
    ("POST", "/api/replay/x", Role.OPERATOR),
    ("POST", "/api/playground/request", Role.OPERATOR),
    ("POST", "/api/scenarios/a/run", Role.OPERATOR),
    # W22: a scenario with the id "run" or "runs" is a scenario.
    ("PUT", "/api/scenarios/run", Role.ADMIN),
    ("DELETE", "/api/scenarios/runs", Role.ADMIN),
    ("DELETE", "/api/scenarios/a/run", Role.ADMIN),
    ("POST", "/api/incidents/stop", Role.OPERATOR),
    ("POST", "/api/proxy/request", Role.OPERATOR),
    ("POST", "/api/auth/logout", Role.VIEWER),
    ("POST", "/api/verify", Role.VIEWER),
    ("GET", "/api/metrics/trends", Role.VIEWER),
    ("POST", "/api/auth/login", None),
    ("GET", "/_metrics", None),
    ("DELETE", "/", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "role"), ROLES)
def test_each_route_needs_its_role(method: str, path: str, role: Role | None) -> None:
    assert required_role(method, path) is role


async def test_everybody_is_admin_while_there_are_no_accounts() -> None:
    identity = Guard().check("POST", "/api/mocks", None)
    assert identity is not None
    assert (identity.username, identity.role) == ("open_mode", Role.ADMIN)


@pytest.mark.parametrize("guard_of", ["demo", "required"])
async def test_a_token_is_needed_as_soon_as_one_is_configured(guard_of: str) -> None:
    guard = Guard(demo_token="t0k") if guard_of == "demo" else Guard(require_token=True)
    for token in (None, "", "t0", "t0kk", "é"):
        with pytest.raises(Problem) as refused:
            guard.check("GET", "/api/mocks", token)
        assert refused.value.status == 401
        assert refused.value.fields[0][0] == "WWW-Authenticate"
    assert (guard.identify("t0k") is not None) is (guard_of == "demo")
    assert guard.check("GET", "/", None) is None


async def test_a_login_opens_a_session_with_the_users_role(tmp_path: Path) -> None:
    now = 1_000.0
    guard = Guard(users(tmp_path, entry()), session_seconds=60, clock=lambda: now)
    session = await guard.log_in({"username": " ann ", "password": "secret"}, "127.0.0.1")
    token = str(session["token"])

    assert (session["username"], session["role"], session["expires_at"]) == (
        "ann",
        "operator",
        1_060,
    )
    assert len(token) == 43
    assert guard.check("POST", "/api/replay/x", token)
    with pytest.raises(Problem) as refused:
        guard.check("POST", "/api/mocks", token)
    assert refused.value.status == 403
    now = 1_060.0
    assert guard.identify(token) is None


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({}, 400, "invalid_credentials"),
        ({"username": "ann", "password": " "}, 400, "invalid_credentials"),
        ({"username": 5, "password": "x"}, 400, "invalid_credentials"),
        ({"username": "ann", "password": "wrong"}, 401, "invalid_credentials"),
        ({"username": "ann", "password": "x" * 100_000}, 401, "invalid_credentials"),
    ],
)
async def test_a_bad_login_is_refused(
    tmp_path: Path, given: dict[str, object], status: int, code: str
) -> None:
    with pytest.raises(Problem) as refused:
        await Guard(users(tmp_path, entry())).log_in(given, "127.0.0.1")
    assert (refused.value.status, refused.value.code) == (status, code)


async def test_an_unknown_user_is_refused_like_a_known_one(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="invalid username or password"):
        await Guard(users(tmp_path, entry())).log_in({"username": "b", "password": "x"}, "c")


async def test_a_login_without_users_is_unavailable() -> None:
    with pytest.raises(Problem) as refused:
        await Guard(demo_token="x").log_in({"username": "a", "password": "b"}, "c")
    assert (refused.value.status, refused.value.code) == (503, "auth_unavailable")


async def test_failed_logins_are_limited_by_client_and_user(tmp_path: Path) -> None:
    now = 0.0
    guard = Guard(users(tmp_path, entry()), clock=lambda: now)

    async def status(client: str, password: str = "wrong") -> int:
        try:
            await guard.log_in({"username": "ann", "password": password}, client)
        except Problem as problem:
            return problem.status
        return 200

    assert [await status("a") for _ in range(11)] == [401] * 10 + [429]
    assert await status("a", "secret") == 429
    assert await status("b", "secret") == 200
    now = 61.0
    assert await status("a", "secret") == 200


async def test_a_logout_ends_the_session(tmp_path: Path) -> None:
    guard = Guard(users(tmp_path, entry()))
    token = str((await guard.log_in({"username": "ann", "password": "secret"}, "c"))["token"])
    guard.log_out(token)
    assert guard.identify(token) is None
    for gone in (token, None):
        with pytest.raises(Problem):
            guard.log_out(gone)
    Guard().log_out("anything")  # open mode


def test_users_that_can_not_log_in_are_left_out(tmp_path: Path) -> None:
    kept = users(
        tmp_path,
        entry(),
        entry("off", enabled=False),
        entry("odd", role="king"),
        entry("x", password_hash="md5$1"),
        entry("y", password_hash="pbkdf2_sha256$999999999$00$" + "0" * 64),
        entry(""),
        entry(5),
        "junk",
    )
    assert list(kept) == ["ann"]


@pytest.mark.parametrize("text", ["{", "[]", '{"users": 5}', "[" * 100_000])
def test_a_users_file_of_another_shape_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "users.json").write_text(text)
    with pytest.raises(StateUnusable, match=r"users\.json"):
        read_users(tmp_path / "users.json")


def test_a_missing_users_file_has_no_users(tmp_path: Path) -> None:
    assert read_users(tmp_path / "none.json") == {}


@pytest.mark.parametrize(
    ("authorization", "query", "token"),
    [
        ("Bearer a", {"token": "b"}, "a"),
        ("bearer  a ", {}, "a"),
        ("Basic a", {"token": "b"}, "b"),
        ("Bearer", {}, None),
        (None, {"token": ""}, None),
    ],
)
def test_a_token_comes_from_the_field_or_the_query(
    authorization: str | None, query: dict[str, str], token: str | None
) -> None:
    assert bearer_token(authorization, query) == token


ORIGINS = [
    ("127.0.0.1:1", None, None, True),
    ("service:80", None, None, True),  # a program in a container's network
    ("localhost:1", "http://localhost:1", "same-origin", True),
    ("[::1]:1", "http://[::1]:1", None, True),
    ("a.localhost:1", "http://a.localhost:1", None, True),
    ("bench:1", "http://bench:1", None, True),
    ("localhost:1", "http://localhost:2", None, False),
    ("localhost:1", "http://evil.example", None, False),
    ("localhost:1", "null", None, False),
    ("localhost:1", "http://[", None, False),
    ("localhost:1", None, "cross-site", False),
    ("localhost:1", None, "same-site", False),
    ("evil.example:1", "http://evil.example:1", "same-origin", False),  # DNS rebinding
    ("localhost.evil.example", None, "same-origin", False),
]


@pytest.mark.parametrize(("host", "origin", "site", "allowed"), ORIGINS)
def test_a_page_of_another_origin_changes_nothing(
    host: str, origin: str | None, site: str | None, allowed: bool
) -> None:
    if allowed:
        check_origin(host, origin, site, names=("bench",))
    else:
        with pytest.raises(Problem) as refused:
            check_origin(host, origin, site, names=("bench",))
        assert refused.value.status == 403
