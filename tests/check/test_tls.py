"""Clients that verify certificates, and one that does not."""

from __future__ import annotations

from tests.check.checks import checked, classes, command

MODES = ("tls-expired", "tls-wrong-host", "tls12-only")


def test_a_client_that_verifies_passes() -> None:
    client = command("curl", "-sSf", "--cacert", "{ca}", "--max-time", "{timeout}", "{url}")
    report = checked(client, *MODES, timeout=1.0)
    assert classes(report) == {
        "tls-expired": "ok",
        "tls-wrong-host": "ok",
        "tls12-only": "ok",
    }
    assert report.modes["tls-expired"].fired
    assert report.inferred["tls.versions"].value == "1.2"
    assert report.inferred["tls.verifies"].value == "names, expiry"


def test_a_client_that_verifies_nothing_is_insecure() -> None:
    report = checked(command("curl", "-ksSf", "{url}"), "tls-expired", "tls-wrong-host")
    assert classes(report) == {"tls-expired": "insecure", "tls-wrong-host": "insecure"}
    assert report.modes["tls-expired"].rank == 6


def test_modes_of_tls_do_not_apply_to_a_client_without_the_root() -> None:
    script = 'case "$1" in https:*) exit 1;; esac; exec curl -sSf "$1"'
    report = checked(command("sh", "-c", script, "sh", "{url}"), "tls-expired")
    assert classes(report) == {"tls-expired": "lacks"}


def test_sni_leads_to_the_same_verdicts_as_a_port() -> None:
    client = command("curl", "-sSf", "--cacert", "{ca}", "--max-time", "{timeout}", "{url}")
    suites = ("tls-expired", "tls12-only", "frame-cl-short-fin", "tcp-accept-rst")
    found = classes(checked(client, *suites, timeout=1.0, door="sni"))
    assert set(found.values()) == {"ok"}
