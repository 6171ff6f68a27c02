"""The generated documents are those that would be generated now, and hold what they are for."""

import pytest

from cloudlab.docs import reference
from cloudlab.model import catalogue, settings

DOCUMENTS = reference.documents()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_committed_document_is_what_is_written(path):
    """`ansible-playbook playbooks/document.yml` mends it."""
    assert (settings.ROOT / path).read_text(encoding="utf-8") == DOCUMENTS[path]


def test_every_setting_is_described():
    for name in settings.spec():
        assert f"| `{name.upper()}` |" in DOCUMENTS["docs/configuration.md"]


def test_every_component_and_profile_has_its_row():
    rows = DOCUMENTS["docs/components.md"].splitlines()
    for name in [*catalogue.committed()["catalogue"], "order", *catalogue.committed("profiles")["profiles"]]:
        assert any(row.startswith(f"| {name} |") for row in rows), name


def test_cells_cannot_end_early():
    assert reference.table(("a", "b"), [("x|y", "z")]) == "| a | b |\n| --- | --- |\n| x\\|y | z |\n"


def test_a_files_first_comment_is_its_introduction(tmp_path):
    path = tmp_path / "x.yml"
    path.write_text(
        "# What it is:\n#   one      the first\n#   two      the second\n# In .cloudlab/<instance>.\na: 1\n# no\n"
    )
    assert reference.introduction(path) == (
        "What it is:\n\n- `one`: the first\n- `two`: the second\n\nIn .cloudlab/\\<instance>.\n"
    )
