"""Requests made from the OpenAPI document: no answer that the document does not have, and never a 500."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hamms_trio.workbench.accounts.users import hash_password
from tests.http.commands import starting

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "20"))
SAFETY_NET = 600.0
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "negative_data_rejection"
)


@pytest.mark.fuzz
def test_the_document_and_the_workbench_agree(tmp_path: Path) -> None:
    password_hash = hash_password("secret", iterations=10_000)
    user = {"username": "ann", "role": "admin", "password_hash": password_hash}
    (tmp_path / "users.json").write_text(json.dumps({"users": [user]}))
    options = ("--no-access-log", "--demo-token", "t0k", "--auth-users-file", "users.json")
    with starting("workbench", tmp_path, safety_net=SAFETY_NET) as run:
        running = run(*options)
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{running.url}/openapi.json"),
            *("-H", "Authorization: Bearer t0k", "--checks", CHECKS, "--seed", "1"),
            *("--max-examples", str(EXAMPLES), "--exclude-path", "/api/events/stream"),
            # Methods that no resource has are 501, as RFC 9110 §9.1 has it.
            *("--mode", "all", "--phases", "examples,fuzzing,stateful"),
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SAFETY_NET, cwd=tmp_path
        )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stdout[:4_000]
