"""The decisions of setup.sh: instructions where nothing can be installed, and the state of the engine."""

import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "scripts" / "lib"
# What the scripts call of a system; the rest is not there unless a test puts it there.
TOOLS = (
    "bash",
    "basename",
    "cat",
    "dirname",
    "env",
    "grep",
    "id",
    "locale",
    "mktemp",
    "rm",
    "sh",
    "tail",
    "tr",
    "uname",
)


@pytest.fixture
def system(tmp_path):
    """Run Bash code with the libraries, on a system with only TOOLS and the given programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))

    def run(code: str, *arguments: str, **programs: str) -> subprocess.CompletedProcess:
        for name, body in programs.items():
            program = folder / name.replace("_", "-")
            program.unlink(missing_ok=True)
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(0o755)
        script = f'set -euo pipefail; source "{LIBRARY}/python.sh"; source "{LIBRARY}/engine.sh"; {code}'
        command = [shutil.which("bash"), "-c", script, "test", *arguments]
        return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True, timeout=30)

    return run


@pytest.mark.parametrize(
    ("programs", "advice"),
    [
        ({"dnf": "exit 0"}, "sudo dnf install moby-engine"),
        ({"pacman": "exit 0"}, "sudo pacman -S docker"),
        ({"zypper": "exit 0"}, "sudo zypper install docker"),
        ({"apk": "exit 0"}, "sudo apk add docker"),
        ({"uname": "echo Darwin"}, "Docker Desktop"),
        ({}, "https://docs.docker.com/engine/install/"),
    ],
    ids=["Fedora", "Arch", "openSUSE", "Alpine", "macOS", "unknown"],
)
def test_without_a_package_manager_the_packages_are_printed(system, programs, advice):
    done = system('engine_instructions "No Docker Engine is running."', **programs)
    assert done.returncode == 1
    assert "ERROR: No Docker Engine is running." in done.stderr
    assert advice in done.stderr
    assert "Then run this script again." in done.stderr


@pytest.mark.parametrize("programs", [{"apt_get": "exit 0", "dpkg": "exit 0"}, {"dockerd": "exit 0"}])
def test_setup_continues_if_an_engine_can_be_provided(system, programs):
    assert system("engine_instructions nothing", **programs).returncode == 0


@pytest.mark.parametrize(
    ("programs", "advice"),
    [
        ({"dnf": "exit 0"}, "sudo dnf install python3.12"),
        ({"pacman": "exit 0"}, "sudo pacman -S python"),
        ({"uname": "echo Darwin"}, "brew install python@3.13"),
        ({}, "install Python 3.11 or newer"),
    ],
)
def test_without_python_the_package_is_printed(system, programs, advice):
    done = system("install_python", **programs)
    assert done.returncode == 1
    assert advice in done.stderr


def python(minor: int) -> str:
    """A program that answers as Python 3.`minor` to the question whether it is new enough."""
    return f'oldest=${{2##*"(3, "}}; [ "{minor}" -ge "${{oldest%%)*}}" ]'


UV = 'echo "uv $*" >&2; case "$2" in find) echo /uv/bin/python3.13 ;; esac'
UV_OFFLINE = 'echo "error: no download" >&2; echo "  cause: no route to host" >&2; exit 1'


@pytest.mark.parametrize(
    ("programs", "chosen"),
    [
        ({"python3": python(12)}, "python3"),
        ({"python3": python(11), "python3.13": python(13)}, "python3.13"),
        ({"python3": python(11), "python3.12": python(12), "uv": UV}, "python3.12"),
        ({"python3": python(11), "uv": UV}, "/uv/bin/python3.13"),
        ({"python3": python(9), "uv": UV}, "/uv/bin/python3.13"),
        ({"uv": UV}, "/uv/bin/python3.13"),
    ],
)
def test_a_python_for_the_current_ansible_comes_first(system, tmp_path, programs, chosen):
    done = system("find_python", **programs)
    # An absolute path stays as it is.
    assert done.stdout.strip() == str(tmp_path / "bin" / chosen)
    assert "WARNING" not in done.stderr


@pytest.mark.parametrize("programs", [{"uv": UV_OFFLINE}, {}], ids=["uv", "neither uv nor a package index"])
def test_where_none_can_be_downloaded_python_3_11_is_used_with_a_warning(system, tmp_path, programs):
    done = system("find_python", python3=python(11), **programs)
    assert done.stdout.strip() == str(tmp_path / "bin/python3")
    assert "WARNING: Python 3.11 is outdated, and a newer one could not be downloaded" in done.stderr
    assert "receives no fixes after 2026-11-30" in done.stderr
    assert "cause:" not in done.stderr
    assert ("no route to host" in done.stderr) == bool(programs)


def test_uv_is_installed_from_the_package_index_and_removed_again(system, tmp_path):
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\n{UV}\n")
    uv.chmod(0o755)
    # `python3 -m venv FOLDER` creates the folder's Python, and `FOLDER/bin/python -m pip` its uv.
    venv = f'[ "$2" != venv ] || {{ mkdir "$3/bin" && ln -s "{tmp_path}/pip" "$3/bin/python"; exit; }}; {python(11)}'
    pip = tmp_path / "pip"
    pip.write_text(f'#!/bin/sh\necho "$0 $*" >"{tmp_path}/called"\ncp "{uv}" "${{0%/*}}/uv"\n')
    pip.chmod(0o755)
    tools = {name: f'exec {shutil.which(name)} "$@"' for name in ("cp", "ln", "mkdir")}
    done = system("find_python", python3=venv, **tools)
    assert done.stdout.strip() == "/uv/bin/python3.13", done.stderr
    folder, requirements = re.fullmatch(
        r"(\S+)/bin/python .*--requirement (\S+)\n", (tmp_path / "called").read_text()
    ).groups()
    assert not Path(folder).exists()
    assert "uv==" in Path(requirements).read_text()


def test_a_python_that_is_too_old_is_not_used(system):
    done = system("find_python", python3=python(10), uv=UV_OFFLINE)
    assert (done.returncode, done.stdout) == (1, "")


def test_the_python_that_the_user_chooses_comes_first(system, tmp_path):
    program = tmp_path / "own python"
    program.write_text(f"#!/bin/sh\n{python(11)}\n")
    program.chmod(0o755)
    done = system(f"CLOUDLAB_PYTHON='{program}' find_python", python3=python(13))
    assert (done.stdout.strip(), done.stderr) == (str(program), "")


def test_a_chosen_python_that_is_too_old_ends_the_setup(system, tmp_path):
    code = f"VENV='{tmp_path}/none'; CLOUDLAB_PYTHON=python3; make_venv"
    done = system(code, python3=python(10))
    assert done.returncode == 1
    assert "CLOUDLAB_PYTHON=python3 is not Python 3.11 or newer" in done.stderr


def test_missing_root_privileges_are_an_error(system):
    done = system("is_root() { false; }; need_root 'Installing Python'")
    assert done.returncode == 1
    assert "Installing Python requires root, but sudo is not installed" in done.stderr


def test_arguments_are_quoted_for_posix_shells(system):
    words = ["a b", "it's", "größe", "$HOME", '"', "\\", ""]
    # A shell reads what was quoted, and hands on the words as they were.
    done = system('sh -c "for word in $(sh_quote "$@"); do echo \\"\\$word\\"; done"', *words)
    assert done.stdout.splitlines() == words


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"LC_ALL": "POSIX"}, "C.UTF-8"),
        ({"LC_ALL": "xx_XX.UTF-8"}, "C.UTF-8"),
        ({"LANG": "C.UTF-8"}, ""),
    ],
)
def test_ansible_gets_a_utf8_locale(environ, wanted):
    code = f'source "{LIBRARY}/common.sh"; echo "${{LC_ALL:-}}"'
    done = subprocess.run(
        ["bash", "-c", code], env={"PATH": "/usr/bin:/bin"} | environ, capture_output=True, text=True, timeout=30
    )
    assert done.stdout.strip() == wanted


# macOS has Bash 3.2 and BSD tools, which are not available for tests. Scripts must not use newer features.
NEWER = [
    # Bash 4 and later.
    r"\b(?:mapfile|readarray|coproc)\b",
    r"\b(?:declare|local|typeset) -[a-z]*[An]",
    r"\$\{\w+(?:\[[^]]*\])?[\^,]",
    r"&>>|\|&|\[\[ +-v |\bwait -[np]|\bshopt -s globstar|\bEPOCH(?:SECONDS|REALTIME)\b",
    r"""printf +['"][^'"]*%\(""",
    # Tools of GNU, and their options.
    r"\b(?:realpath|tac|nproc)\b|\breadlink +-|\bcp +--|\bhead +-n +-",
    r"\bsed\b[^|;]* -[a-z]*[ir]\b|\bgrep +-[a-zA-Z]*P|\bsort +-[a-zA-Z]*V|\bxargs\b[^|;]* -[a-z0-9]*r",
    r"\bdate +(?:-d|--|\+\S*%N)|\bstat +(?:-c|--)|\bfind\b.*-printf",
]


@pytest.mark.parametrize("script", sorted(LIBRARY.parent.rglob("*.sh")), ids=lambda path: path.name)
def test_the_scripts_use_only_what_macos_has(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if not line.lstrip().startswith("#")]
    assert [line for line in code if any(re.search(pattern, line) for pattern in NEWER)] == []


@pytest.mark.parametrize(
    "line",
    [
        "mapfile -t lines <file",
        "declare -A table",
        "local -n other=$1",
        'echo "${name^^}"',
        "command |& cat",
        "[[ -v name ]]",
        "printf '%(%F)T'",
        "sed -i s/a/b/ file",
        "sed -e s/a/b/ -r file",
        "readlink -f x",
        "date +%s%N",
        "stat -c %u file",
        "grep -oP x",
    ],
)
def test_features_that_macos_lacks_are_found(line):
    assert any(re.search(pattern, line) for pattern in NEWER)


@pytest.mark.parametrize(("kernel", "wanted"), [("Darwin", "YES"), ("Linux", "")])
def test_ansible_may_fork_on_macos(system, kernel, wanted):
    code = 'unset OBJC_DISABLE_INITIALIZE_FORK_SAFETY; let_macos_fork; echo "${OBJC_DISABLE_INITIALIZE_FORK_SAFETY:-}"'
    assert system(code, uname=f"echo {kernel}").stdout.strip() == wanted


# The engine's state, as the script learns it before it decides to install one.


def state(**environ: str) -> tuple[int, str]:
    command = [sys.executable, str(LIBRARY / "engine_state.py")]
    done = subprocess.run(command, env={"HOME": "/nonexistent"} | environ, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout


def test_a_configured_engine_address_is_kept(tmp_path):
    status, problem = state(DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert status == 12
    assert "none.sock" in problem


@pytest.fixture
def engine_state():
    """The script as a module."""
    sys.path.insert(0, str(LIBRARY))
    import engine_state

    yield engine_state
    sys.path.remove(str(LIBRARY))


def test_a_missing_or_dead_socket_means_no_engine(engine_state, tmp_path):
    path = str(tmp_path / "docker.sock")
    assert engine_state.state(path) == engine_state.ABSENT
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
    assert engine_state.state(path) == engine_state.ABSENT


def test_an_invalid_response_is_not_a_missing_engine(engine_state, tmp_path):
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert engine_state.state(path) == engine_state.OTHER


def test_a_socket_without_permission_is_reported(engine_state, tmp_path, monkeypatch):
    class Closed(socket.socket):
        def connect(self, _):
            raise PermissionError

    monkeypatch.setattr(engine_state.socket, "socket", Closed)
    assert engine_state.state(str(tmp_path / "docker.sock")) == engine_state.DENIED
