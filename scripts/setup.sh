#!/usr/bin/env bash
# Sets up everything from a fresh machine to the running environment. It is safe to run again.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"
# shellcheck source=lib/engine.sh
source "$ROOT/scripts/lib/engine.sh"

usage() {
  cat <<'TEXT'
Usage: ./scripts/setup.sh [ARGUMENTS OF ansible-playbook]

Starts the development environment on a fresh machine:
  1. creates a Python environment in .venv with the pinned packages (Debian, Ubuntu: installs Python if necessary)
  2. creates .env from .env.example if it does not exist
  3. installs and starts a Docker Engine if none runs (Debian, Ubuntu; on other systems, prints instructions)
  4. runs ansible-playbook playbooks/dev.yml with the given arguments

It skips what is already done, so that a second run takes seconds. It requires root only for installing packages, and
uses sudo for that.

Examples:
  ./scripts/setup.sh                          everything
  ./scripts/setup.sh --tags kafka,postgres    these components and their dependencies
  ./scripts/setup.sh --check --diff           show what would change

Environment: CLOUDLAB_PYTHON selects the Python for a new .venv (default: 3.12 or newer, downloaded with uv where only an
older one is installed; otherwise 3.11 with an older Ansible). Every key of .env can also be set as an environment variable,
which takes precedence.
TEXT
}

# Readable only by the owner (mktemp), because it can contain passwords.
ensure_env_file() {
  if [[ -e "$ROOT/.env" || ! -e "$ROOT/.env.example" ]]; then
    return
  fi
  local draft
  draft=$(mktemp "$ROOT/.env.XXXXXX")
  cat "$ROOT/.env.example" >"$draft"
  mv "$draft" "$ROOT/.env"
  note "created .env from .env.example; set ports, passwords and the profile there"
}

main() {
  local argument
  for argument in "$@"; do
    case "$argument" in
      -h | --help)
        usage
        return
        ;;
    esac
  done
  phase "Python environment"
  ensure_venv requirements.txt
  ensure_env_file
  phase "Docker Engine"
  ensure_engine "$@"
  phase "Environment: ansible-playbook playbooks/dev.yml${*:+ $*}"
  cd "$ROOT"
  exec "$VENV/bin/ansible-playbook" playbooks/dev.yml "$@"
}

main "$@"
