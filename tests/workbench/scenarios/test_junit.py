"""Reports as JUnit's XML, read again by a parser."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

from hamms_trio.workbench.scenarios import junit_xml
from hamms_trio.workbench.scenarios.steps.sending import StepAnswer
from tests.workbench.scenarios.worlds import World, ran, scenario, step


async def test_each_step_is_a_test_case_with_its_failure() -> None:
    document = scenario(
        step(id="good"),
        step(id="b<a>d", expect={"status": 404, "body_contains": ["]]>"]}),
        defaults={"stop_on_fail": False},
    )
    suites = fromstring(junit_xml(await ran(document, seed=5)))
    assert suites.attrib["tests"] == "2"
    assert suites.attrib["failures"] == "1"
    good, bad = suites.iter("testcase")
    assert (good.attrib["name"], good.find("failure")) == ("good", None)
    failure = bad.find("failure")
    assert failure is not None
    assert failure.attrib["message"] == "status expected [404] got 200"
    assert failure.text == "status expected [404] got 200\nbody missing token: ]]>"


async def test_characters_that_xml_lacks_do_not_break_the_document() -> None:
    world = World(lambda _: StepAnswer(200, (), b"a\x00\x1b[31m<&>\xef\xbf\xbf"))
    text = junit_xml(await ran(scenario(step(), name="N\x08<"), world)).decode()
    assert "a\ufffd\ufffd[31m&lt;&amp;&gt;\ufffd" in text
    assert fromstring(text.encode()).find("testsuite") is not None
