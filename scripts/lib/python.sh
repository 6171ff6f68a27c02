# shellcheck shell=bash
# Creates the project's Python environment in .venv with the packages that a requirements file pins. Source it after
# common.sh and packages.sh.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# As in requirements.txt: 3.12 and newer get the current Ansible, 3.11 the last one that supports it.
PYTHON_REQUIRED="Python 3.11 or newer"
# What uv downloads where no Python for the current Ansible is installed.
PYTHON_DOWNLOADED=3.13

# usable_python COMMAND MINOR: whether it is Python 3.MINOR or newer and can create virtual environments (not needed
# with uv).
usable_python() {
  have "$1" || return 1
  local modules="venv, ensurepip"
  have uv && modules="sys"
  "$1" -c "import sys; sys.version_info >= (3, $2) or sys.exit(1); import $modules" >/dev/null 2>&1
}

# Print the path of the Python to use: the one that the user chose, one for the current Ansible, or one for the last
# Ansible before it.
find_python() {
  if [[ -n "${CLOUDLAB_PYTHON:-}" ]]; then
    command -v "$CLOUDLAB_PYTHON"
    return
  fi
  installed_python 12 || download_python || outdated_python
}

# installed_python MINOR: print the path of a Python 3.MINOR or newer.
installed_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if usable_python "$candidate" "$1"; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

# Print the path of a Python that uv has or downloads. Where uv is not installed, it is used once from a temporary folder.
download_python() {
  local python="" draft
  if ! have uv; then
    # uv itself takes any Python that is supported.
    python=$(installed_python 10) || return 1
  fi
  note "downloading Python $PYTHON_DOWNLOADED with uv" >&2
  draft=$(mktemp -d)
  python=$(python_of_uv "$draft" "$python" 2>"$draft/log") || DOWNLOAD_PROBLEM=$(grep . "$draft/log" | tail -n 1)
  rm -rf "$draft"
  [[ -n "$python" ]] && printf '%s\n' "$python"
}

# python_of_uv FOLDER PYTHON: print the path; the Python, if not empty, first installs uv into the folder.
python_of_uv() {
  local uv="uv"
  if [[ -n "$2" ]]; then
    uv="$1/bin/uv"
    {
      "$2" -m venv "$1" && "$1/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check \
        --requirement "$ROOT/requirements-uv.txt"
    } >&2 || return 1
  fi
  # A server that does not answer must not hold up the installation; and nothing is to appear in ~/.local/bin.
  export UV_HTTP_TIMEOUT=15 UV_HTTP_RETRIES=0 UV_PYTHON_INSTALL_BIN=0 UV_PYTHON_PREFERENCE=only-managed
  "$uv" python install "$PYTHON_DOWNLOADED" >&2 && "$uv" python find --system "$PYTHON_DOWNLOADED"
}

# Print the path of an installed Python that only an outdated Ansible supports, with a warning.
outdated_python() {
  installed_python 11 || return 1
  warn "Python 3.11 is outdated, and a newer one could not be downloaded: ${DOWNLOAD_PROBLEM##*cause: }" \
    "It gets Ansible 12 (ansible-core 2.19), which receives no fixes after 2026-11-30. Cloudlab works with both." \
    "For Ansible 14 (ansible-core 2.21), install Python 3.12 or newer, remove .venv, and run this script again."
}

# Install a usable Python from the distribution, or exit with instructions.
install_python() {
  if have_apt; then
    apt_install python3 python3-venv ca-certificates
    usable_python python3 11 && return
    # An older release may have packages of a newer Python.
    local version
    for version in 3.14 3.13 3.12 3.11; do
      if apt-cache show "python$version-venv" >/dev/null 2>&1; then
        apt_install "python$version" "python$version-venv"
        usable_python "python$version" 11 && return
      fi
    done
    die "this distribution has no package of $PYTHON_REQUIRED (its python3 is $(python3 --version 2>&1))." \
      "Upgrade to Debian 13 or Ubuntu 24.04 or newer, or install uv (https://docs.astral.sh/uv/), which downloads one." \
      "Then run this script again."
  fi
  local command
  case "$(uname -s)" in
    Darwin) command="brew install python@3.13" ;;
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
        command="install $PYTHON_REQUIRED with its modules venv and ensurepip"
      fi
      ;;
  esac
  die "$PYTHON_REQUIRED is not installed." "Install it, then run this script again:" "    $command"
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

# Create .venv, or recreate it if it is broken, and mark it as incomplete. A .venv that works keeps its Python, even if a
# newer one has been installed since.
make_venv() {
  if ! venv_is_sound; then
    if [[ -n "${CLOUDLAB_PYTHON:-}" ]] && ! usable_python "$CLOUDLAB_PYTHON" 11; then
      die "CLOUDLAB_PYTHON=$CLOUDLAB_PYTHON is not $PYTHON_REQUIRED with its modules venv and ensurepip." \
        "Set it to another one, or unset it."
    fi
    rm -rf "$VENV"
    local python
    python=$(find_python) || {
      install_python
      python=$(find_python) || die "$PYTHON_REQUIRED was installed but cannot be used; see the messages above."
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

# install_packages WHAT ARGUMENT...: pass the arguments to `pip install`. Python compiles the modules that are used when it
# first imports them; compiling all of Ansible's collections would take four times as long as installing them.
install_packages() {
  local what="$1"
  shift
  note "installing the $what$(have uv || printf ' (about half a minute)')"
  if have uv; then
    VIRTUAL_ENV="$VENV" uv pip install --quiet "$@" && return
  else
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$VENV/bin/python" -m ensurepip --upgrade >/dev/null
    "$VENV/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check "$@" && return
  fi
  die "the $what could not be installed; see the output above." \
    "Check that the package index is reachable (proxy: HTTPS_PROXY, own CA certificates: SSL_CERT_FILE)." \
    "Then run this script again; it continues where it stopped."
}
