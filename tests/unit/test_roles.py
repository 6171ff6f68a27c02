"""Conventions of the roles: README, described defaults, and names of variables."""

import re

import pytest
import yaml

from cloudlab.model import settings

# The facts of the environment, which all roles use.
SHARED = "cloudlab"
ROLES = sorted(path for path in (settings.ROOT / "roles").iterdir() if path.is_dir())
# Of what a component's role does, this is the same in check mode, in which validate.yml runs.
ALREADY_IN_CHECK_MODE = {"validate": {"service_images", "services_ready"}, "export": set()}


def load(path):
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) if path.exists() else {}


@pytest.fixture(params=ROLES, ids=lambda path: path.name)
def role(request):
    return request.param


def test_a_role_has_a_readme_and_argument_specs(role):
    assert (role / "README.md").read_text(encoding="utf-8").startswith(f"# {role.name}\n")


def test_defaults_and_argument_specs_name_the_same_variables(role):
    options = load(role / "meta" / "argument_specs.yml")["argument_specs"]["main"].get("options") or {}
    assert set(options) == set(load(role / "defaults" / "main.yml"))


def test_public_variables_begin_with_the_roles_name(role):
    for name in load(role / "defaults" / "main.yml"):
        assert name.startswith(f"{role.name}_")


def test_internal_variables_begin_with_underscores(role):
    for name in load(role / "vars" / "main.yml"):
        assert name.startswith(f"__{role.name}_")
    for path in (role / "tasks").glob("*.yml"):
        for name in re.findall(r"^\s*register: (\S+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert name.startswith(f"__{role.name}_") or name == SHARED, path


def test_a_role_does_not_use_another_roles_variables(role):
    """The play passes values between roles."""
    others = "|".join(path.name for path in ROLES if path != role)
    own = rf"(?<![\w.])__(?:{others})_\w+"
    for path in [*role.rglob("*.yml"), *role.rglob("*.j2")]:
        assert not re.search(own, path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("name", ["dev", "validate", "export"])
def test_playbooks_share_the_list_of_components(name):
    plays = load(settings.ROOT / "playbooks" / f"{name}.yml")
    imported = [task.get("ansible.builtin.import_tasks") for play in plays for task in play["tasks"]]
    assert imported.count("tasks/components.yml") == 1


@pytest.mark.parametrize(("name", "mode"), [("validate", "compare"), ("export", "describe")])
def test_a_play_sets_the_mode_of_every_action_that_has_one(name, mode):
    """An action without the mode would converge."""
    plays = load(settings.ROOT / "playbooks" / f"{name}.yml")
    [defaults] = [play["module_defaults"] for play in plays if "module_defaults" in play]
    components = load(settings.ROOT / "playbooks" / "tasks" / "components.yml")
    roles = {task["ansible.builtin.import_role"]["name"] for task in components}
    texts = [
        path.read_text(encoding="utf-8") for role in ROLES if role.name in roles for path in role.glob("tasks/*.yml")
    ]
    used = {
        action for action in actions_with_modes() for text in texts if re.search(rf"^\s+{action}:$", text, re.MULTILINE)
    }
    assert used <= defaults.keys() | ALREADY_IN_CHECK_MODE[name]
    assert {defaults[action]["mode"] for action in used & defaults.keys()} == {mode}


def actions_with_modes():
    folder = settings.ROOT / "plugins" / "modules"
    return [path.stem for path in folder.glob("*.py") if "extends_documentation_fragment: [modes]" in path.read_text()]
