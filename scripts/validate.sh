#!/usr/bin/env bash
# Tells whether the running environment is whole. Changes nothing.
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

Checks the running environment from all sides, and shows a line per check:
  containers     present, running, healthy, not restarted; image, limits and everything else as declared
  gateway        its configuration; every route, asked without a token
  networks       who is on them, which names resolve, who reaches whom and who must not: tried out in containers
  ports          each answers, on 127.0.0.1 only
  pages          whatever has an address for a browser answers
  logs           no line of level error since the container was started
  postgres, redis, kafka, elasticsearch, clickhouse
                 what each holds, asked by real queries; a message to Kafka and back

It needs no lock and changes nothing; a topic that it makes for its message is removed at once.

  --tags LIST        only these components, and what they need
  --stores           only what the stores hold
  --seeded[=SIZE]    require the rows of a seed too (playbooks/seed.yml); SIZE is small unless it is given
  --since TIME       count errors in logs from then on: 90s, 10m, 2h, 1d, or 2026-01-31T12:00:00Z
  --format FORMAT    table, json, or junit: JUnit XML; table unless it is given
  --output FILE      write that into a file; without it, json and junit are all that is written to standard output
  --help             this text

The exit status is 0 when nothing failed. Each failure says what, where, and how to mend it.

Examples:
  ./scripts/validate.sh
  ./scripts/validate.sh --tags kafka,order
  ./scripts/validate.sh --format junit --output report.xml
TEXT
}

# settings NAME=VALUE...: as ansible-playbook takes them, whatever the values hold.
settings() {
  "$VENV/bin/python" -c 'import json, sys; print(json.dumps(dict(each.split("=", 1) for each in sys.argv[1:])))' "$@"
}

# with_output FILE COMMAND...: run it, and print the file that it writes; what it says itself goes to standard error.
with_output() {
  local file="$1" status=0
  shift
  "$@" >&2 || status=$?
  cat "$file"
  rm -f "$file"
  return "$status"
}

main() {
  local format=table output="" values=() arguments=()
  while (($#)); do
    case "$1" in
      --seeded=*) ;;
      # Written in one word or in two.
      --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
    esac
    case "$1" in
      -h | --help)
        usage
        return
        ;;
      --stores) values+=(stores_only=true) ;;
      --seeded) values+=(seeded=small) ;;
      --seeded=*) values+=("${1#--}") ;;
      --tags | --since | --format | --output)
        (($# > 1)) || die "$1 needs a value." "--help prints what there is."
        case "$1" in
          --tags) arguments+=(--tags "$2") ;;
          --since) values+=("since=$2") ;;
          --format) format="$2" ;;
          --output) output="$2" ;;
        esac
        shift
        ;;
      *) die "unknown argument: $1" "--help prints what there is." ;;
    esac
    shift
  done
  case "$format" in
    table | json | junit) ;;
    *) die "unknown format: $format" "--help prints what there is." ;;
  esac
  ensure_venv requirements.txt >&2
  local run=()
  if [[ -n "$output" ]]; then
    [[ "$output" == /* ]] || output="$PWD/$output"
  elif [[ "$format" != table ]]; then
    output=$(mktemp)
    run=(with_output "$output")
  fi
  cd "$ROOT"
  # --check: what an environment lacks that was never converged, such as its secrets, is not made either.
  ${run[@]+"${run[@]}"} "$VENV/bin/ansible-playbook" playbooks/validate.yml --check \
    --extra-vars "$(settings "format=$format" "output=$output" ${values[@]+"${values[@]}"})" \
    ${arguments[@]+"${arguments[@]}"}
}

main "$@"
