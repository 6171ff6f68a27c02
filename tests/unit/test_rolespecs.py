"""The variables of all roles are checked together, if they are set."""

import pytest

from cloudlab.ansible import rolespecs
from cloudlab.model.rolespecs import names

SPEC = """
argument_specs:
  main:
    options:
      db_workers: {type: int, description: How many.}
      db_mode: {type: str, choices: [fast, safe], description: How.}
      db_names: {type: list, elements: str, description: Which.}
  initialise:
    options:
      db_other: {type: int, description: Not of main.}
"""


@pytest.fixture
def roles(tmp_path):
    """A role with a spec and one without."""
    (tmp_path / "db" / "meta").mkdir(parents=True)
    (tmp_path / "db" / "meta" / "argument_specs.yml").write_text(SPEC)
    (tmp_path / "plain").mkdir()
    return [tmp_path / "db", tmp_path / "plain"]


def test_names(roles):
    assert names(roles) == {"db_workers", "db_mode", "db_names"}


def test_valid_values(roles):
    assert rolespecs.problems(roles, {"db_workers": "3", "db_mode": "fast", "db_names": ["a"], "other": 1}) == []


def test_unset_variables_are_valid(roles):
    assert rolespecs.problems(roles, {}) == []


def test_all_problems_are_reported_together(roles):
    found = rolespecs.problems(roles, {"db_workers": "many", "db_mode": "slow"})
    assert len(found) == 2
    assert all(message.startswith("role db: ") for message in found)
    assert any("must be one of: fast, safe, got: slow" in message for message in found)
