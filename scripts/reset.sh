#!/usr/bin/env bash
# Removes what the environment has, as much of it as is asked for.
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

Says what it would remove from this instance, asks, and removes it. LEVEL is one of
  component   the containers of the components; their data is kept
  data        the containers of the components, and their data
  everything  all containers, volumes, networks and generated files

  --yes       do not ask
  --help      this text

The next converge makes everything anew.

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
      -*) die "unknown argument: $1" "--help prints what there is." ;;
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
    "") die "a level is wanted: component, data or everything." "--help prints what there is." ;;
    *) die "unknown argument: $level" "--help prints what there is." ;;
  esac
  ensure_venv requirements.txt
  cd "$ROOT"
  exec "$VENV/bin/ansible-playbook" playbooks/reset.yml --extra-vars "level=$level" \
    ${components:+--extra-vars "components=$components"} ${arguments[@]+"${arguments[@]}"}
}

main "$@"
