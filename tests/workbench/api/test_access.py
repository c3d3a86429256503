"""Accounts and origins over HTTP, and the document that describes the API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from hamms_trio.workbench import WorkbenchOptions, open_workbench
from hamms_trio.workbench.accounts.users import ROLES, User

SALT = bytes(16)


def user(name: str) -> User:
    from hashlib import pbkdf2_hmac

    digest = pbkdf2_hmac("sha256", name.encode(), SALT, 10_000)
    return User(name, ROLES[name], 10_000, SALT, digest)


@pytest.fixture
async def guarded() -> AsyncIterator[httpx.AsyncClient]:
    users = {name: user(name) for name in ROLES}
    options = WorkbenchOptions(users=users, demo_token="t0k")
    async with open_workbench(port=0, options=options) as workbench:
        async with httpx.AsyncClient(base_url=workbench.url) as client:
            yield client


async def fields(client: httpx.AsyncClient, name: str) -> dict[str, str]:
    if name == "none":
        return {}
    answer = await client.post("/api/auth/login", json={"username": name, "password": name})
    return {"Authorization": f"Bearer {answer.json()['session']['token']}"}


MATRIX = [
    ("GET", "/api/mocks", [401, 200, 200, 200]),
    ("POST", "/api/mocks", [401, 403, 403, 400]),
    ("POST", "/api/replay/x", [401, 403, 404, 404]),
    ("PUT", "/api/history", [401, 403, 403, 405]),
    ("GET", "/api/scenarios", [401, 200, 200, 200]),
    ("POST", "/api/scenarios", [401, 403, 403, 400]),
    ("POST", "/api/scenarios/x/run", [401, 403, 404, 404]),
    ("PUT", "/api/scenarios/run", [401, 403, 403, 404]),
    ("DELETE", "/api/scenarios/runs", [401, 403, 403, 404]),
    ("POST", "/api/targets", [401, 403, 403, 400]),
    ("POST", "/api/proxy/request", [401, 403, 400, 400]),
    ("POST", "/api/incidents/stop", [401, 403, 200, 200]),
    ("POST", "/api/verify", [401, 200, 200, 200]),
    ("GET", "/api/auth/me", [401, 200, 200, 200]),
    ("GET", "/_metrics", [200, 200, 200, 200]),
    ("GET", "/", [200, 200, 200, 200]),
    ("GET", "/openapi.json", [200, 200, 200, 200]),
]  # fmt: skip


async def test_each_role_has_the_rights_of_the_reference(guarded: httpx.AsyncClient) -> None:
    roles = [await fields(guarded, name) for name in ("none", "viewer", "operator", "admin")]
    for method, path, expected in MATRIX:
        seen = [(await guarded.request(method, path, headers=role)).status_code for role in roles]
        assert (method, path, seen) == (method, path, expected)


async def test_the_demo_token_is_taken_from_the_field_and_the_query(
    guarded: httpx.AsyncClient,
) -> None:
    by_field = await guarded.get("/api/auth/me", headers={"Authorization": "Bearer t0k"})
    by_query = await guarded.get("/api/history?token=t0k&limit=1")
    assert by_field.json() == {"auth": {"role": "admin", "username": "demo_token"}}
    assert by_query.status_code == 200
    assert "t0k" not in by_query.text


async def test_a_refusal_names_the_needed_credentials(guarded: httpx.AsyncClient) -> None:
    refused = await guarded.get("/api/mocks")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.json() == {"error": {"code": "unauthorized", "message": "unauthorized"}}


async def test_the_lab_has_no_more_rights_than_its_inner_request(
    guarded: httpx.AsyncClient,
) -> None:
    operator = await fields(guarded, "operator")
    asked = {"path": "/api/mocks", "method": "POST", "body": "{}"}
    answer = await guarded.post("/api/playground/request", json=asked, headers=operator)
    assert answer.json()["response"]["status"] == 401


async def test_a_page_of_another_origin_changes_nothing(client: httpx.AsyncClient) -> None:
    mock = {"method": "GET", "path_pattern": "/a", "status": 200}
    for name, value in (("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")):
        refused = await client.post("/api/mocks", json=mock, headers={name: value})
        assert refused.json()["error"]["code"] == "forbidden_origin"
    own = str(client.base_url).rstrip("/")
    assert (await client.post("/api/mocks", json=mock, headers={"Origin": own})).status_code == 201


async def test_the_document_describes_every_operation(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert document["openapi"].startswith("3.1")
    assert {
        ("POST", "/api/mocks"),
        ("GET", "/api/mocks/{id}"),
        ("POST", "/api/verify"),
    } <= described
    mock = document["components"]["schemas"]["Mock"]
    assert mock["required"] == ["method", "path_pattern"]
    assert mock["properties"]["share"]["maximum"] == 1
    for operation in (o for methods in document["paths"].values() for o in methods.values()):
        assert operation["summary"].endswith(".")
        assert len(operation["responses"]) > 1
