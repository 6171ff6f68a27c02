#!/usr/bin/env bash
# Checks the contents of the stores of the running environment. Changes nothing.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./scripts/validate-database-setup.sh [OPTION]...

Checks the contents of every store of the running environment and prints a line per check. It is a wrapper for
validate.sh --stores and accepts all options of validate.sh.
  PostgreSQL      databases, schemas and their owners, login and privileges of each service, access across services,
                  versions of the services' migrations
  Redis           responds, and requires a password
  Kafka           partitions and settings of each declared topic; sends and receives a message
  Elasticsearch   index templates, and indices of the services
  ClickHouse      databases, and tables of the services
  rows            number of rows of seeded objects

The expected contents come from the catalogue, the platform's cloudlab.yml and its stores.yml.

  --seeded[=SIZE]  also require the rows of a seed (playbooks/seed.yml); the default SIZE is small
  --help           show this help

The exit status is 0 if no check failed. Each failure shows its cause, its location and how to fix it.

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
