"""Options of ansible-playbook that are refused, and in which words."""

import pytest

from cloudlab.ansible import commandline


@pytest.mark.parametrize("subset", [None, "", "all", "localhost", "localhost,all", "local*", "!localhost", "@hosts"])
def test_a_limit_that_leaves_hosts_is_fine(subset):
    assert commandline.limit_problem(subset, ["localhost", "all"]) == ""


@pytest.mark.parametrize("subset", ["nowhere", "localhost,nowhere", "localhost:nowhere"])
def test_a_limit_to_no_host_names_the_valid_ones(subset):
    message = commandline.limit_problem(subset, ["localhost", "all"])
    assert message.startswith("--limit nowhere: there is no such host. Valid: localhost, all.")
