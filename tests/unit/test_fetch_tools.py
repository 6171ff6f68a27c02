"""The sources of test tools, with fake apt programs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = "tests/tools/requirements-clickhouse.txt"
# What apt-get downloads is the package's name, and what dpkg-deb unpacks is a program that prints it.
PROGRAMS = {
    "apt-cache": 'case "$*" in *docker-compose-v2) exit "$NO_COMPOSE_V2";; esac',
    "apt-get": """
for package; do :; done
case "$*" in
  *download*) printf '%s' "$package" >"$package.deb" ;;
  indextargets*) echo 'deb mirror trixie main' ;;
esac""",
    "dpkg-deb": """
package=$(cat "$2")
case "$package" in
  docker-compose*) program=docker-compose ;;
  busybox-static) program=busybox ;;
  *) program="$package" ;;
esac
mkdir -p "$3/usr/libexec"
printf '#!/bin/sh\\necho %s\\n' "$package" >"$3/usr/libexec/$program"
chmod +x "$3/usr/libexec/$program\"""",
    "dpkg": "",
    # `mkdir` fails if the folder of another version is still there.
    "uv": 'echo "$*" >>"$0.log" && mkdir "$5"',
    # These are there already.
    **dict.fromkeys(("chromium", "grpcurl", "jq"), ""),
}


@pytest.fixture
def fetch(tmp_path):
    """Runs the script in a checkout of its own, which it returns."""
    checkout, programs = tmp_path / "checkout", tmp_path / "bin"
    shutil.copytree(ROOT / "scripts" / "lib", checkout / "scripts" / "lib")
    (checkout / "tests" / "support").mkdir(parents=True)
    (checkout / "tests" / "tools").mkdir()
    script = shutil.copy(ROOT / "tests" / "support" / "fetch_tools.sh", checkout / "tests" / "support")
    shutil.copy(ROOT / PINNED, checkout / PINNED)
    programs.mkdir()
    for name, body in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (programs / name).chmod(0o755)

    def run(**environ):
        environ = {"PATH": f"{programs}:/usr/bin:/bin"} | environ
        done = subprocess.run([script], env=environ, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return checkout

    return run


@pytest.mark.parametrize(("system", "package"), [("Ubuntu", "docker-compose-v2"), ("Debian", "docker-compose")])
def test_compose_is_the_second_version(fetch, system, package):
    compose = fetch(NO_COMPOSE_V2=str(int(system != "Ubuntu"))) / ".cloudlab" / "test-tools" / "docker-compose"
    assert subprocess.run([compose], capture_output=True, text=True).stdout == f"{package}\n"


def test_the_engine_of_clickhouse_is_installed_once_per_pin(fetch, tmp_path):
    calls = tmp_path / "bin" / "uv.log"
    checkout = fetch(NO_COMPOSE_V2="0")
    fetch(NO_COMPOSE_V2="0")
    [line] = calls.read_text().splitlines()
    assert "--require-hashes" in line
    with (checkout / PINNED).open("a") as file:
        file.write("# another version\n")
    fetch(NO_COMPOSE_V2="0")
    assert len(calls.read_text().splitlines()) == 2
