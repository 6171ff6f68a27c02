"""The screenshots of an environment."""

import pytest
import screenshots


def row(component, kind, url, state="healthy", **views):
    return {"component": component, "kind": kind, "url": url, "state": state, "views": views}


def taken(*rows):
    return {item.name: item for item in screenshots.screenshots({"components": rows})}


def test_pages_are_those_of_tools_and_observability():
    found = taken(
        row("postgres", "store", "postgres://db", logs="http://logs/postgres"),
        row("order", "service", "http://order", logs="http://logs/order", traces="http://traces/order"),
        row("pgadmin", "tool", "http://pgadmin"),
        row("builder", "tool", ""),
        row("kibana", "tool", "http://kibana", "absent"),
    )
    assert {name: item.address for name, item in found.items()} == {
        "pgadmin": "http://pgadmin",
        "logs": "http://logs/order",
        "traces": "http://traces/order",
    }


def test_the_dashboard_has_light_dark_and_phone_screenshots():
    found = taken(row("dashboard", "tool", "http://page"))
    assert found.keys() == {"dashboard", "dashboard-dark", "dashboard-phone"}
    assert found["dashboard-dark"].scheme == "dark"
    assert found["dashboard-phone"].size == screenshots.PHONE


def test_an_instance_without_a_report_is_an_error():
    with pytest.raises(screenshots.ScreenshotsError, match="test-never-there"):
        screenshots.read({"CLOUDLAB_ENV_FILE": "", "CLOUDLAB_INSTANCE": "test-never-there"})
