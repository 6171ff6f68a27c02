"""Containers as a role declares them: its defaults, vars and templates, rendered as Ansible does it."""

from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from cloudlab.containers import files, spec

ROLES = Path(__file__).resolve().parents[2] / "roles"


def variables(role: str, picture: dict, **settings) -> dict:
    """What the role works with: `picture` is the variable `cloudlab`, `settings` what the play sets of the defaults."""
    loader = DataLoader()
    known = {"cloudlab": picture}
    for part in ("defaults", "vars"):
        known |= loader.load_from_file(str(ROLES / role / part / "main.yml"), trusted_as_template=True)
    return known | settings


def specifications(role: str, expression: str, known: dict, directory: Path) -> list[spec.Spec]:
    """The containers that `expression`, a list, says, with their files rendered; nothing is written."""
    templar = Templar(DataLoader(), known)

    def render(source: str, _path: str) -> str:
        text = (ROLES / role / "templates" / source).read_text()
        options = {"trim_blocks": True, "lstrip_blocks": False}
        return templar.template(trust_as_template(text), escape_backslashes=False, overrides=options)

    declared = templar.template(trust_as_template(f"{{{{ {expression} }}}}"))
    return files.prepare(spec.parse(declared, known["cloudlab"]["instance"]), directory, render, planning=False)
