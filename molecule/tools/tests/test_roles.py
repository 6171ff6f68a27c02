"""The role tools, verified from this machine and from within its containers."""

import documented
import pytest
from role_checks import assert_as_documented, assert_confined, port_of

TOOLS = sorted(documented.tools_from_packages())


def test_the_tools_and_their_dependencies_run(lab):
    assert lab.present() == documented.with_dependencies(*TOOLS)


@pytest.mark.parametrize("tool", TOOLS)
def test_it_runs_as_documented(host, lab, tool):
    assert_as_documented(host, lab, tool)
    assert_confined(host, lab, tool)


@pytest.mark.parametrize("tool", TOOLS)
def test_its_page_answers(host, lab, tool):
    url = f"http://127.0.0.1:{port_of(lab, tool, 'http')}/"
    assert host.run("curl --silent --fail --location --output /dev/null %s", url).succeeded
