"""The diagnostic report: it is written whatever is broken, and holds nothing that must not leave the machine."""

import json
from pathlib import Path

import pytest

from cloudlab.validate import diagnostics

CHECKS = [
    {"area": "ports", "subject": "redis", "state": "FAILED", "text": "127.0.0.1:6379 refuses connections", "cure": ""},
    {"area": "ports", "subject": "kafka", "state": "ok", "text": "", "cure": ""},
]


@pytest.fixture
def environ(tmp_path):
    """A machine without an engine, and settings of its own."""
    file = tmp_path / "settings"
    file.write_text("POSTGRES_PASSWORD='a b:c$9'\nPORT_OFFSET=100\n", encoding="utf-8")
    return {"CLOUDLAB_ENV_FILE": str(file), "DOCKER_HOST": f"unix://{tmp_path}/missing.sock", "PATH": ""}


def section(report, title):
    return report.partition(f"## {title}\n\n```text\n")[2].partition("\n```\n")[0]


def test_failed_checks_and_the_output_are_in_it(environ):
    report = diagnostics.report(environ, json.dumps({"passed": False, "checks": CHECKS}), "one\ntwo")
    assert section(report, "Failed checks") == "ports, redis: 127.0.0.1:6379 refuses connections"
    assert section(report, "Output of the validation") == "one\ntwo"


def test_without_an_engine_the_other_sections_are_complete(environ):
    report = diagnostics.report(environ, "", "")
    assert "missing.sock does not exist" in section(report, "Engine")
    assert "missing.sock does not exist" in section(report, "Containers")
    assert section(report, "Settings") == "CLOUDLAB_INSTANCE=cloudlab\nPORT_OFFSET=100\nPOSTGRES_PASSWORD=<hidden>"
    assert "ansible-core: " in section(report, "Machine")
    assert section(report, "Cloudlab").startswith("version: ")
    assert section(report, "Failed checks").startswith("The validation ended before its checks")


def test_invalid_settings_are_named(environ):
    Path(environ["CLOUDLAB_ENV_FILE"]).write_text("PORT_OFSET=1\nREDIS_PASSWORD=hunter22\n", encoding="utf-8")
    report = diagnostics.report(environ, "", "the password hunter22 was refused")
    assert "unknown key PORT_OFSET" in section(report, "Settings")
    assert "hunter22" not in report


def test_no_secret_is_in_it(environ, tmp_path, monkeypatch):
    """Not even where a log or an address quotes it, escaped or not."""
    monkeypatch.setattr(diagnostics.environment, "directory", lambda *_: tmp_path)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "order_database").write_text("Zk3kQ9vGq8pLw2\n", encoding="utf-8")
    environ["REGISTRY_TOKEN"] = "t0ken-of-the-user"
    log = "\n".join(
        [
            "postgres://cloudlab:a%20b%3Ac%249@127.0.0.1/cloudlab",
            "it said 'a b:c$9'",
            "Zk3kQ9vGq8pLw2 and t0ken-of-the-user",
            "redis://:unknown-to-all@127.0.0.1",
            f"in {Path.home()}/shop",
        ]
    )
    report = diagnostics.report(environ, "", log)
    for secret in ("a%20b", "a b:c", "Zk3kQ9vGq8pLw2", "t0ken-of-the-user", "unknown-to-all"):
        assert secret not in report
    assert "in ~/shop" in report


def test_a_fault_in_one_section_is_reported_there(environ, monkeypatch):
    def broken():
        raise KeyError("PRETTY_NAME")

    monkeypatch.setattr(diagnostics, "_machine", broken)
    report = diagnostics.report(environ, "", "")
    assert section(report, "Machine") == "KeyError: 'PRETTY_NAME'"
    assert section(report, "Settings")
