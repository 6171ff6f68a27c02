"""Options of ansible-playbook that are rejected."""

import pytest

from cloudlab.ansible import commandline


@pytest.mark.parametrize("subset", [None, "", "all", "localhost", "localhost,all", "local*", "!localhost", "@hosts"])
def test_a_limit_with_valid_names_is_accepted(subset):
    assert commandline.limit_problem(subset, ["localhost", "all"]) == ""


@pytest.mark.parametrize("subset", ["nowhere", "localhost,nowhere", "localhost:nowhere"])
def test_an_unknown_name_in_the_limit_is_rejected(subset):
    message = commandline.limit_problem(subset, ["localhost", "all"])
    assert message.startswith("--limit nowhere: unknown host. Valid: localhost, all.")
