"""The validation of an environment that was just converged passes, in every format."""

import json
import re
from xml.etree import ElementTree

AREAS = {
    "containers", "gateway", "networks", "ports", "pages", "logs",
    "postgres", "redis", "kafka", "elasticsearch", "clickhouse",
}  # fmt: skip


def test_it_passes_and_all_formats_agree(lab, validation, tmp_path):
    before = lab.identities()
    table = validation.run()
    assert table.returncode == 0, table.stdout + table.stderr
    counts = re.search(r"(\d+) passed, 0 failed, (\d+) notes", table.stdout)

    document = json.loads(validation.run("--format", "json").stdout)
    assert document["passed"]
    states = [check["state"] for check in document["checks"]]
    assert (states.count("ok"), states.count("note")) == tuple(map(int, counts.groups()))
    assert {check["area"] for check in document["checks"]} == AREAS

    report = tmp_path / "a report.xml"
    assert validation.run("--format=junit", f"--output={report}").returncode == 0
    suites = ElementTree.parse(report).getroot()
    cases = [(suite.get("name"), case.get("name")) for suite in suites for case in suite]
    assert cases == [(check["area"], check["subject"]) for check in document["checks"]]
    assert lab.identities() == before


def test_the_diagnostic_report_has_no_secret(lab, validation, tmp_path):
    report = tmp_path / "a report.md"
    assert validation.run("--report", "--output", str(report)).returncode == 0
    text = report.read_text(encoding="utf-8")
    assert f"version: {lab.client.version()['Version']}" in text
    assert f"{lab.container('order')}: running healthy" in text
    assert "## Failed checks\n\n```text\nnone\n```" in text
    secrets = [file.read_text(encoding="utf-8").strip() for file in (lab.directory / "secrets").iterdir()]
    assert [secret for secret in secrets if secret in text] == []
    assert secrets


def test_a_part_of_it_is_less(validation):
    document = json.loads(validation.run("--format", "json", tags="redis").stdout)
    assert {check["area"] for check in document["checks"]} == {"containers", "networks", "ports", "logs", "redis"}
    assert {check["subject"] for check in document["checks"] if check["area"] == "containers"} == {
        "redis",
        "redis as declared",
    }


def test_nothing_of_the_message_stays(lab):
    topics = lab.execute("kafka", "ls", "/var/lib/kafka/data")
    assert not re.search(r"cloudlab\.validation\.\w+-0$", topics, re.MULTILINE)
