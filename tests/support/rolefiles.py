"""The containers that roles declare: defaults, vars and templates, rendered by Ansible."""

from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import filter_loader, init_plugin_loader, lookup_loader
from ansible.template import Templar, trust_as_template
from ansible.utils.collection_loader import AnsibleCollectionConfig

from cloudlab.containers import declaration, files, spec
from cloudlab.model import catalogue, environment, platform, settings

ROLES = Path(__file__).resolve().parents[2] / "roles"


def expressions() -> dict[str, str]:
    """Role -> the expression of its specifications, for each role with containers."""
    lists = {role.name: f"__{role.name}_specs" for role in sorted(ROLES.iterdir())}
    return {role: name for role, name in lists.items() if name in _of_role(role)} | {
        "go_service": "__go_service_specs + [__go_service_builder]"
    }


def variables(role: str, context: dict, **settings) -> dict:
    """The variables of the role. context: the variable `cloudlab`. settings: defaults that the play sets."""
    return {"cloudlab": context} | _of_role(role) | settings


def _of_role(role: str) -> dict:
    known = {}
    for part in ("defaults", "vars"):
        if (path := ROLES / role / part / "main.yml").exists():
            known |= _loaded(path)
    return known


def _loaded(path: Path) -> dict:
    return DataLoader().load_from_file(str(path), trusted_as_template=True) or {}


def specifications(role: str, expression: str, known: dict, directory: Path, planning: bool = False) -> list[spec.Spec]:
    """The containers in the list `expression`, with rendered files; nothing is written.

    planning: files of earlier tasks in `directory` may be missing.
    """
    templar = Templar(DataLoader(), known | {"ansible_search_path": [str(ROLES / role)]})

    def render(source: str, _path: str) -> str:
        text = (ROLES / role / "templates" / source).read_text()
        options = {"trim_blocks": True, "lstrip_blocks": False}
        return templar.template(trust_as_template(text), escape_backslashes=False, overrides=options)

    declared = templar.template(trust_as_template(f"{{{{ {expression} }}}}"))
    return files.prepare(declaration.parse(declared, known["cloudlab"]["instance"]), directory, render, planning)


def project(root: Path, engine: dict) -> dict:
    """All variables of a run of the profile `full`: the committed settings and wiring, and those of all roles.

    :param root: parent of the instance's directory. :param engine: facts of the engine (cloudlab.engine.state).
    """
    _load_plugins()
    known: dict = {}
    for role in ROLES.iterdir():
        known |= _of_role(role.name)
    known |= {name: option["default"] for name, option in settings.of_platform({}).items()}
    for path in sorted((settings.ROOT / "group_vars" / "all").glob("*.yml")):
        known |= _loaded(path)
    templar = Templar(DataLoader(), known)
    names = [*settings.spec(), "catalogue", "networks", "images", "profiles"]
    values = {name: templar.template(known[name]) for name in names}
    values["catalogue"] = platform.complete(values["catalogue"], values).components
    chosen = catalogue.choose(values["catalogue"], values["profiles"], "full", [])
    objects: dict = {"containers": [], "networks": [], "volumes": []}
    context = environment.describe(root, values, chosen, objects, engine, complete=True)
    for entry in context["components"].values():
        entry["spec"]["image"] = "image"
        entry["image"] = {"source": "registry", "reference": "image", "data": ""}
    gateway = {"folder": f"{context['directory']}/gateway/live", "bootstrap": "{}"}
    # Includes a variable that an earlier task registers.
    return known | {"cloudlab": context, "ansible_check_mode": False, "__gateway_config": gateway}


def _load_plugins() -> None:
    """Load plugins as Ansible's programs do."""
    if not AnsibleCollectionConfig.collection_finder:
        init_plugin_loader()
    filter_loader.add_directory(str(settings.ROOT / "plugins" / "filter"))
    lookup_loader.add_directory(str(settings.ROOT / "plugins" / "lookup"))
