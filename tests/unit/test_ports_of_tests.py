"""Steps of the test suite run at the same time: no two of their instances may publish the same port."""

import itertools
import re
from pathlib import Path

import documented
import yaml

ROOT = Path(__file__).resolve().parents[2]


def offsets():
    """File -> the port offset of its instance."""
    found = {}
    for file in ROOT.glob("molecule/*/molecule.yml"):
        environ = yaml.safe_load(file.read_text(encoding="utf-8")).get("ansible", {}).get("env", {})
        if "PORT_OFFSET" in environ:
            found[file.parent.name] = int(environ["PORT_OFFSET"])
    for file in ROOT.glob("tests/integration/test_*.py"):
        if match := re.search(r"^OFFSET = (\d+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            found[file.name] = int(match[1])
    return found


def test_no_two_instances_share_a_port():
    ports = {port for component in documented.components().values() for port, _ in component.ports.values()}
    shared = {
        (one, other): sorted({port + first for port in ports} & {port + second for port in ports})
        for (one, first), (other, second) in itertools.combinations(offsets().items(), 2)
    }
    assert {pair: found for pair, found in shared.items() if found} == {}
