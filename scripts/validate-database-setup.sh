#!/usr/bin/env bash
# Checks that the stores of the running environment hold what they should. Changes nothing.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"

usage() {
  cat <<'TEXT'
Usage: ./scripts/validate-database-setup.sh [--seeded[=SIZE]] [ARGUMENTS OF ansible-playbook]

Asks every store of the running environment, and shows a line per check:
  PostgreSQL      databases, schemas and their owners, each service's login tried out, what it can see of others,
                  grants, and the versions that the services' migrations are at
  Redis           that it answers, and asks for a password
  Kafka           each declared topic with its partitions and settings
  Elasticsearch   index templates, and the services' indices
  ClickHouse      databases, and the services' tables
  rows            how many there are where seeded things stand

What is expected comes from the catalogue, the platform's cloudlab.yml, and its stores.yml.

  --seeded[=SIZE]  require the rows of a seed too (playbooks/seed.yml); SIZE is small unless it is given
  --help           this text

The exit status is 0 when nothing failed. Each failure says what, where, and how to mend it.

Examples:
  ./scripts/validate-database-setup.sh
  ./scripts/validate-database-setup.sh --seeded=medium
TEXT
}

main() {
  local argument arguments=()
  for argument in "$@"; do
    case "$argument" in
      -h | --help)
        usage
        return
        ;;
      --seeded) arguments+=(--extra-vars seeded=small) ;;
      --seeded=*) arguments+=(--extra-vars "seeded=${argument#--seeded=}") ;;
      *) arguments+=("$argument") ;;
    esac
  done
  ensure_venv requirements.txt
  cd "$ROOT"
  exec "$VENV/bin/ansible-playbook" playbooks/validate-databases.yml ${arguments[@]+"${arguments[@]}"}
}

main "$@"
