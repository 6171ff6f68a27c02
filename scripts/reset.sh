#!/usr/bin/env bash
# Removes containers, data or everything of the instance.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"

usage() {
  cat <<'TEXT'
Usage: ./scripts/reset.sh LEVEL [COMPONENT]... [--yes]

Lists what it will delete from this instance and asks for confirmation. LEVEL is one of
  component   the containers of the components; keeps their data
  data        the containers of the components, and their data
  everything  all containers, volumes, networks and generated files

  --yes       skip the confirmation prompt
  --help      show this help

The next converge recreates everything.

Examples:
  ./scripts/reset.sh component kafka
  ./scripts/reset.sh data postgres redis --yes
  ./scripts/reset.sh everything
TEXT
}

main() {
  local level="" components="" arguments=()
  while (($#)); do
    case "$1" in
      -h | --help)
        usage
        return
        ;;
      --yes) arguments+=(--extra-vars confirm=yes) ;;
      -*) die "unknown argument: $1" "See --help." ;;
      *)
        if [[ -z "$level" ]]; then
          level="$1"
        else
          components+="${components:+,}$1"
        fi
        ;;
    esac
    shift
  done
  case "$level" in
    component | data | everything) ;;
    "") die "LEVEL is missing: component, data or everything." "See --help." ;;
    *) die "unknown argument: $level" "See --help." ;;
  esac
  ensure_venv requirements.txt
  cd "$ROOT"
  exec "$VENV/bin/ansible-playbook" playbooks/reset.yml --extra-vars "level=$level" \
    ${components:+--extra-vars "components=$components"} ${arguments[@]+"${arguments[@]}"}
}

main "$@"
