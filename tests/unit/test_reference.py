"""The generated documents are current and complete."""

import pytest

from cloudlab.docs import reference
from cloudlab.model import catalogue, settings

DOCUMENTS = reference.documents()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_committed_document_is_current(path):
    """To regenerate it: ansible-playbook playbooks/document.yml"""
    assert (settings.ROOT / path).read_text(encoding="utf-8") == DOCUMENTS[path]


def test_every_setting_is_described():
    for name in settings.spec():
        assert f"| `{name.upper()}` |" in DOCUMENTS["docs/configuration.md"]


def test_every_component_and_profile_has_a_row():
    rows = DOCUMENTS["docs/components.md"].splitlines()
    for name in [*catalogue.committed()["catalogue"], "order", *catalogue.committed("profiles")["profiles"]]:
        assert any(row.startswith(f"| {name} |") for row in rows), name


def test_cells_are_escaped():
    assert reference.table(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |\n"


def test_the_leading_comment_is_the_introduction(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text(
        "# What it is:\n#   one      the first\n#   two      the second\n# In .cloudlab/<instance>.\na: 1\n# no\n"
    )
    assert reference.introduction(path) == (
        "What it is:\n\n- `one`: the first\n- `two`: the second\n\nIn .cloudlab/\\<instance>.\n"
    )
