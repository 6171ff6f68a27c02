#!/usr/bin/env bash
# Checks that the stores of the running environment hold what they should. Changes nothing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/validate-database-setup.sh [OPTION]...

Asks every store of the running environment, and shows a line per check. It is the part of validate.sh that its option
--stores names, and takes all other options of validate.sh too.
  PostgreSQL      databases, schemas and their owners, each service's login tried out, what it can see of others,
                  grants, and the versions that the services' migrations are at
  Redis           that it answers, and asks for a password
  Kafka           each declared topic with its partitions and settings; a message there and back
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
  local argument
  for argument in "$@"; do
    case "$argument" in
      -h | --help)
        usage
        return
        ;;
    esac
  done
  exec "$(dirname "${BASH_SOURCE[0]}")/validate.sh" --stores "$@"
}

main "$@"
