"""Every role keeps the house rules: a manual, defaults that are described, and internal names that look internal."""

import re

import pytest
import yaml

from cloudlab.model import settings

# The picture of the environment, which all roles work with.
SHARED = "cloudlab"
ROLES = sorted(path for path in (settings.ROOT / "roles").iterdir() if path.is_dir())


def load(path):
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


@pytest.fixture(params=ROLES, ids=lambda path: path.name)
def role(request):
    return request.param


def test_a_role_explains_itself(role):
    assert (role / "README.md").read_text(encoding="utf-8").startswith(f"# {role.name}\n")


def test_defaults_and_argument_specs_name_the_same_variables(role):
    options = load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"].get("options") or {}
    assert set(options) == set(load(role / "defaults" / "main.yml"))


def test_public_variables_bear_the_roles_name(role):
    for name in load(role / "defaults" / "main.yml"):
        assert name.startswith(f"{role.name}_")


def test_internal_variables_look_internal(role):
    for name in load(role / "vars" / "main.yml"):
        assert name.startswith(f"__{role.name}_")
    for path in (role / "tasks").glob("*.yml"):
        for name in re.findall(r"^\s*register: (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert name.startswith(f"__{role.name}_") or name == SHARED, path


def test_a_role_does_not_know_another_roles_variables(role):
    """What crosses roles is wired by the play."""
    others = "|".join(path.name for path in ROLES if path != role)
    own = rf"(?<![\w.])__(?:{others})_\w+"
    for path in [*role.rglob("*.yml"), *role.rglob("*.j2")]:
        assert not re.search(own, path.read_text(encoding="utf-8")), path


def test_a_role_that_makes_containers_is_validated(role):
    """Its own specifications are what the validation compares the containers with."""
    if f"__{role.name}_specs" not in load(role / "vars" / "main.yml"):
        return
    drift = (role / "tasks" / "drift.yml").read_text(encoding="utf-8")
    assert f"__{role.name}_specs" in drift
    playbook = (settings.ROOT / "playbooks" / "validate.yml").read_text(encoding="utf-8")
    assert f'"{{{{ __{role.name}_drift }}}}"' in playbook
