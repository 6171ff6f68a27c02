"""The table of requirements is complete, and its paths exist."""

import re

import pytest

from cloudlab.model import settings

TABLE = (settings.ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!---|requirement|risk|decision)(.+) \|$", TABLE, re.MULTILINE)
FOLDERS = (
    "files/",
    "group_vars/",
    "molecule/",
    "playbooks/",
    "plugins/",
    "roles/",
    "scripts/",
    "src/",
    "tests/",
    "docs/",
)
PATHS = sorted({code for code in re.findall(r"`([^`]+)`", TABLE) if code.startswith(FOLDERS) or code.endswith(".md")})


@pytest.mark.parametrize("path", PATHS)
def test_listed_paths_exist(path):
    assert (settings.ROOT / path).exists()


@pytest.mark.parametrize("scenario", [path for path in PATHS if re.fullmatch(r"molecule/[\w-]+", path)])
def test_a_scenario_has_tests(scenario):
    assert list((settings.ROOT / scenario).glob("tests/test_*.py"))


@pytest.mark.parametrize("row", ROWS)
def test_a_requirement_has_an_implementation_and_a_test(row):
    requirement, provider, proof = row.split(" | ")
    assert requirement and provider
    assert "`" in proof or proof.startswith("as in")


# How many lines the requirements have; 5 and 14 are prose there.
LINES = {"4.1": 8, "4.2": 6, "4.3": 8, "6": 15, "7": 2, "8": 11, "9": 8, "10": 5, "11": 7, "12": 9, "13": 13}


@pytest.mark.parametrize("section", LINES)
def test_no_requirement_is_missing(section):
    [text] = re.findall(rf"^## {re.escape(section)} (.*?)(?=^## |\Z)", TABLE, re.MULTILINE | re.DOTALL)
    assert len(re.findall(r"^\| (?!---|requirement|risk)", text, re.MULTILINE)) == LINES[section]
