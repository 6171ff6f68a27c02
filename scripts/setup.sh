#!/usr/bin/env bash
# Everything from a fresh machine to the running environment. Run it as often as you like.
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

Brings the development environment up, from a machine with nothing but a shell:
  1. a Python environment in .venv with the pinned packages (Debian, Ubuntu: Python itself too)
  2. .env from .env.example, when there is none
  3. a Docker Engine, when there is none (Debian, Ubuntu: from the distribution; elsewhere it says what to install)
  4. ansible-playbook playbooks/dev.yml, with the arguments given here

What is there already is left as it is; a second run takes seconds. It needs root only for what has to be installed, and
asks sudo for it.

Examples:
  ./scripts/setup.sh                          everything
  ./scripts/setup.sh --tags kafka,postgres    these and what they need
  ./scripts/setup.sh --check --diff           say what would change

Environment: CLOUDLAB_PYTHON names the Python to use; every key of .env can be set here too, and wins.
TEXT
}

# The file may come to hold passwords: for its owner only.
ensure_env_file() {
  if [[ -e "$ROOT/.env" || ! -e "$ROOT/.env.example" ]]; then
    return
  fi
  local draft
  draft=$(mktemp "$ROOT/.env.XXXXXX")
  cat "$ROOT/.env.example" >"$draft"
  mv "$draft" "$ROOT/.env"
  note "made .env from .env.example: ports, passwords and the profile are set there"
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
