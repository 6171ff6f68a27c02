# shellcheck shell=bash
# Creates the project's Python environment in .venv with the packages that a requirements file pins. Source it after
# common.sh and packages.sh.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# The minimum version for ansible-core 2.19.
PYTHON_WANTED="Python 3.11 or newer"

# usable_python COMMAND: whether it is new enough and can create virtual environments (not needed with uv).
usable_python() {
  have "$1" || return 1
  local modules="venv, ensurepip"
  have uv && modules="sys"
  "$1" -c "import sys; sys.version_info >= (3, 11) or sys.exit(1); import $modules" >/dev/null 2>&1
}

# Print the path of a usable Python.
find_python() {
  local candidate
  for candidate in ${CLOUDLAB_PYTHON:+"$CLOUDLAB_PYTHON"} python3 python3.13 python3.12 python3.11; do
    if usable_python "$candidate"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# Install a usable Python from the distribution, or exit with instructions.
install_python() {
  if have_apt; then
    apt_install python3 python3-venv ca-certificates
    usable_python python3 && return
    # An older release may have packages of a newer Python.
    local version
    for version in 3.13 3.12 3.11; do
      if apt-cache show "python$version-venv" >/dev/null 2>&1; then
        apt_install "python$version" "python$version-venv"
        usable_python "python$version" && return
      fi
    done
    die "this distribution has no package of $PYTHON_WANTED (its python3 is $(python3 --version 2>&1))." \
      "Upgrade to Debian 12 or Ubuntu 22.04 or newer, or install uv (https://docs.astral.sh/uv/) and run:" \
      "    uv python install 3.12 && CLOUDLAB_PYTHON=\$(uv python find 3.12) ./scripts/setup.sh"
  fi
  local command
  case "$(uname -s)" in
    Darwin) command="brew install python@3.12" ;;
    *)
      if have dnf; then
        command="sudo dnf install python3.12"
      elif have pacman; then
        command="sudo pacman -S python"
      elif have zypper; then
        command="sudo zypper install python312"
      elif have apk; then
        command="sudo apk add python3"
      else
        command="install $PYTHON_WANTED with its modules venv and ensurepip"
      fi
      ;;
  esac
  die "$PYTHON_WANTED is not installed." "Install it, then run this script again:" "    $command"
}

# venv_recipe FILE: print what determines the contents of .venv: its location, its Python and the pinned versions.
venv_recipe() {
  printf '%s\n' "$VENV"
  "$VENV/bin/python" -c 'import sys; print(sys.version)' 2>/dev/null || printf 'no Python\n'
  cat "$ROOT/requirements.txt" "$ROOT/$1" "$ROOT/pyproject.toml"
}

# venv_is_ready FILE: whether .venv is complete and matches its recipe.
venv_is_ready() {
  [[ ! -e "$VENV/.incomplete" && -r "$(venv_stamp "$1")" && "$(<"$(venv_stamp "$1")")" == "$(venv_recipe "$1")" ]]
}

venv_stamp() {
  printf '%s/.%s.stamp' "$VENV" "${1%.txt}"
}

# ensure_venv FILE: install what the requirements file pins into .venv, if necessary.
# A stamp file with the recipe is written last; the file .incomplete, removed last, marks an interrupted installation.
ensure_venv() {
  venv_is_ready "$1" && return
  (
    mkdir -p "$ROOT/.cloudlab"
    if have flock; then
      # The second of two concurrent scripts waits, and finds .venv ready.
      exec 9>"$ROOT/.cloudlab/venv.lock"
      flock 9
      venv_is_ready "$1" && exit 0
    fi
    make_venv
    install_packages "packages of $1" --requirement "$ROOT/$1"
    # The project itself is installed as editable, so that changes in src/ take effect immediately.
    install_packages "package cloudlab" --no-deps --editable "$ROOT"
    venv_recipe "$1" >"$(venv_stamp "$1")"
    rm -f "$VENV/.incomplete"
  )
}

# Create .venv, or recreate it if it is broken, and mark it as incomplete.
make_venv() {
  if ! venv_is_sound; then
    rm -rf "$VENV"
    local python
    python=$(find_python) || {
      install_python
      python=$(find_python) || die "$PYTHON_WANTED was installed but cannot be used; see the messages above."
    }
    note "creating .venv with $("$python" --version) ($python)"
    mkdir -p "$VENV"
    : >"$VENV/.incomplete"
    if have uv; then
      uv venv --quiet --allow-existing --python "$python" "$VENV"
    else
      "$python" -m venv "$VENV"
    fi
  fi
  : >"$VENV/.incomplete"
}

# Whether packages can be installed into .venv: it is complete, has not been moved, and its Python works.
venv_is_sound() {
  [[ ! -e "$VENV/.incomplete" ]] && grep -qsF "$VENV" "$VENV/bin/activate" &&
    "$VENV/bin/python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit(1)' 2>/dev/null
}

# install_packages WHAT ARGUMENT...: pass the arguments to `pip install`.
install_packages() {
  local what="$1"
  shift
  note "installing the $what$(have uv || printf ' (about half a minute)')"
  if have uv; then
    VIRTUAL_ENV="$VENV" uv pip install --quiet --compile-bytecode "$@" && return
  else
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$VENV/bin/python" -m ensurepip --upgrade >/dev/null
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" && return
  fi
  die "the $what could not be installed; see the output above." \
    "Check that the package index is reachable (proxy: HTTPS_PROXY, own CA certificates: SSL_CERT_FILE)." \
    "Then run this script again; it continues where it stopped."
}
