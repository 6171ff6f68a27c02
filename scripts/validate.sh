#!/usr/bin/env bash
# Checks whether the running environment is healthy. Changes nothing.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"

usage() {
  cat <<'TEXT'
Usage: ./scripts/validate.sh [OPTION]...

Checks the running environment and prints a line per check:
  containers     present, running, healthy, not restarted; image, limits and all other options as declared
  gateway        configuration; response of every route without a token
  networks       members, name resolution, and allowed and forbidden connections, tested from inside the containers
  ports          each responds, on 127.0.0.1 only
  pages          each web page responds
  logs           no line of level error since the container was started
  postgres, redis, kafka, elasticsearch, clickhouse
                 contents, checked with real queries; sends a message to Kafka and receives it

It needs no lock and changes nothing, except that it creates and deletes a Kafka topic for its message.

  --tags LIST        check only these components and their dependencies
  --stores           check only the contents of the stores
  --seeded[=SIZE]    also require the rows of a seed (playbooks/seed.yml); the default SIZE is small
  --since TIME       count log errors since TIME: 90s, 10m, 2h, 1d, or 2026-01-31T12:00:00Z
  --format FORMAT    table, json or junit (JUnit XML); the default is table
  --report           also write a diagnostic report for a bug report to cloudlab-report.md, or to the file of --output:
                     versions, engine, settings, states, failures and logs, without passwords and secrets
  --output FILE      write the report to a file; without it, json and junit are written to standard output
  --help             show this help

The exit status is 0 if no check failed. Each failure shows its cause, its location and how to fix it.

Examples:
  ./scripts/validate.sh
  ./scripts/validate.sh --tags kafka,order
  ./scripts/validate.sh --format junit --output report.xml
TEXT
}

# settings NAME=VALUE...: print them as JSON for --extra-vars, so that values can contain any character.
settings() {
  "$VENV/bin/python" -c 'import json, sys; print(json.dumps(dict(each.split("=", 1) for each in sys.argv[1:])))' "$@"
}

# with_output FILE COMMAND...: run the command with its output on standard error, then print the file that it wrote.
with_output() {
  local file="$1" status=0
  shift
  "$@" >&2 || status=$?
  cat "$file"
  rm -f "$file"
  return "$status"
}

# with_report FILE CHECKS COMMAND...: run the command, which writes its results to the file CHECKS, and write a
# diagnostic report, whatever the command's result.
with_report() {
  local file="$1" checks="$2" log status=0
  shift 2
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" || status=$?
  "$VENV/bin/python" -m cloudlab.validate.diagnostics --checks "$checks" --log "$log" >"$file"
  rm -f "$log" "$checks"
  note "wrote $file; read it before you attach it to a bug report"
  return "$status"
}

main() {
  local format=table output="" report="" values=() arguments=()
  while (($#)); do
    case "$1" in
      --seeded=*) ;;
      # Accept --option=value and --option value.
      --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    esac
    case "$1" in
      -h | --help)
        usage
        return
        ;;
      --stores) values+=(stores_only=true) ;;
      --report) report=yes ;;
      --seeded) values+=(seeded=small) ;;
      --seeded=*) values+=("${1#--}") ;;
      --tags | --since | --format | --output)
        (($# > 1)) || die "$1 needs a value." "See --help."
        case "$1" in
          --tags) arguments+=(--tags "$2") ;;
          --since) values+=("since=$2") ;;
          --format) format="$2" ;;
          --output) output="$2" ;;
        esac
        shift
        ;;
      *) die "unknown argument: $1" "See --help." ;;
    esac
    shift
  done
  case "$format" in
    table | json | junit) ;;
    *) die "unknown format: $format" "See --help." ;;
  esac
  [[ -z "$report" || "$format" == table ]] || die "--report and --format $format exclude each other." "See --help."
  ensure_venv requirements.txt >&2
  local run=() checks
  [[ -z "$report" ]] || output=${output:-cloudlab-report.md}
  [[ -z "$output" || "$output" == /* ]] || output="$PWD/$output"
  if [[ -n "$report" ]]; then
    format=json
    checks=$(mktemp)
    run=(with_report "$output" "$checks")
    output="$checks"
  elif [[ -z "$output" && "$format" != table ]]; then
    output=$(mktemp)
    run=(with_output "$output")
  fi
  cd "$ROOT"
  # --check: do not create anything that is missing in an environment that was never converged, such as its secrets.
  ${run[@]+"${run[@]}"} "$VENV/bin/ansible-playbook" playbooks/validate.yml --check \
    --extra-vars "$(settings "format=$format" "output=$output" ${values[@]+"${values[@]}"})" \
    ${arguments[@]+"${arguments[@]}"}
}

main "$@"
