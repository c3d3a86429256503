"""Scenarios, incidents, missions and targets on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from hamms_trio.blocking import HammsServer
from tests.browser.conftest import Opener

JOURNEY = {
    "name": "a journey",
    "steps": [
        {"id": "home", "method": "GET", "path": "/", "expect": {"status": [200]}},
        {"id": "lost", "method": "GET", "path": "/nothing", "expect": {"status": [200]}},
        {"id": "never", "method": "GET", "path": "/"},
    ],
}


@pytest.fixture(autouse=True)
def fresh(lab: HammsServer) -> Iterator[None]:
    """Leave no scenario, target, mock or incident behind."""
    yield
    url = lab.workbench.url
    httpx.post(url("/api/incidents/stop"))
    for kind in ("scenarios", "targets", "mocks"):
        for each in httpx.get(url(f"/api/{kind}")).json()[kind]:
            httpx.delete(url(f"/api/{kind}/{each['id']}"))


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=re.compile(f"^{name}"))


def test_a_scenario_is_written_run_and_compared_with_itself(visiting: Opener) -> None:
    page = visiting().open("/#/workbench/scenarios/new")
    scenarios = section(page, "Scenario")
    scenarios.get_by_label("The scenario as JSON").fill(json.dumps(JOURNEY, indent=1))
    scenarios.get_by_role("button", name="Save").click()
    scenarios.get_by_role("button", name="Run", exact=True).click()
    expect(scenarios).to_contain_text("failed at the step lost: status expected [200] got 404")
    expect(scenarios.get_by_role("row", name=re.compile("never"))).to_contain_text("not run")
    scenarios.get_by_role("button", name="lost").click()
    expect(scenarios.get_by_text("expected [200], got 404")).to_be_visible()
    scenarios.get_by_role("button", name="Run", exact=True).click()
    expect(scenarios.get_by_role("heading", name=re.compile("Compared with run"))).to_be_visible()
    expect(page).to_have_url(re.compile(r"#/workbench/runs/\w+/\w+$"))


def test_the_editor_names_the_line_that_is_wrong(visiting: Opener) -> None:
    page = visiting().open("/#/workbench/scenarios/new")
    editor = section(page, "Scenario").get_by_role("form")
    text = json.dumps(JOURNEY, indent=1).replace('"/nothing"', '"nothing"')
    editor.get_by_label("The scenario as JSON").fill(text)
    editor.get_by_label("The scenario as JSON").blur()
    expect(editor.get_by_role("alert")).to_contain_text("Step 2: the path must start with /.")
    line = text[: text.index('{\n   "id": "lost"')].count("\n") + 1
    expect(editor.get_by_role("button", name=f"line {line}")).to_be_visible()
    editor.get_by_label("The scenario as JSON").fill('{"name": ')
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert")).to_contain_text("This is no JSON")


def test_an_incident_is_started_seen_and_stopped(lab: HammsServer, visiting: Opener) -> None:
    page = visiting().open("/#/workbench")
    form = page.get_by_role("form", name="Incident")
    form.get_by_label("kind").fill("status_spike_503")
    form.get_by_label("share").fill("1")
    form.get_by_role("button", name="Start").click()
    running = section(page, "Incident running")
    expect(running).to_contain_text("status_spike_503")
    assert httpx.get(lab.workbench.url("/")).status_code == 503
    expect(running).to_contain_text("1 requests")
    page.reload()  # the page itself is never hit
    section(page, "Incident running").get_by_role("button", name="Stop").click()
    expect(section(page, "No incident")).to_be_visible()
    assert httpx.get(lab.workbench.url("/")).status_code == 200


def test_a_refused_incident_shows_the_reason(visiting: Opener) -> None:
    page = visiting().open("/#/workbench")
    form = page.get_by_role("form", name="Incident")
    form.get_by_label("kind").fill("no-such-mode")
    form.get_by_role("button", name="Start").click()
    expect(form.get_by_role("alert")).to_contain_text("no-such-mode")


@pytest.mark.parametrize(
    ("mission", "verdict"),
    [
        ("Signup under chaos", "The scenario"),
        ("Upstream outage", "Without the incident it passed, so the incident was the cause."),
        ("Slow checkout", "Without the incident it passed, so the incident was the cause."),
    ],
)
def test_a_mission_ends_with_its_verdict(visiting: Opener, mission: str, verdict: str) -> None:
    page = visiting().open("/#/workbench/missions")
    row = page.locator(".missions li").filter(has_text=mission)
    row.get_by_role("button", name="Run").click()
    outcome = page.get_by_role("region", name=mission)
    expect(outcome).to_contain_text(verdict)
    expect(outcome.get_by_text("The analysis as JSON")).to_be_visible()


def test_a_target_is_added_asked_and_deleted(lab: HammsServer, visiting: Opener) -> None:
    page = visiting().open("/#/workbench")
    targets = section(page, "Targets")
    targets.get_by_label("name").fill("honest")
    targets.get_by_label("address").fill(lab.url("ok").partition("?")[0])
    targets.get_by_role("button", name="Add").click()
    expect(targets.get_by_role("rowheader", name="honest")).to_be_visible()
    form = page.get_by_role("form", name="Send a request")
    form.get_by_label("to").select_option("honest")
    form.get_by_role("button", name="Send").click()
    expect(form.locator(".answer")).to_contain_text("200")
    targets.get_by_role("button", name="delete").click()
    expect(targets.get_by_role("rowheader", name="honest")).to_have_count(0)
