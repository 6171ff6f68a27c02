#!/usr/bin/env bash
# Runs the benchmarks whose results are in README.md. Uses only an instance of its own.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"
# shellcheck source=lib/engine.sh
source "$ROOT/scripts/lib/engine.sh"

# Takes the same lock as test.sh: a concurrent test run would distort the measurements and remove this instance as a
# leftover.
alone_on_the_engine() {
  have flock || return 0
  exec 8>"${TMPDIR:-/tmp}/cloudlab-tests-$(id -u).lock"
  flock --nonblock 8 && return
  note "a test run is using the engine; waiting until it ends"
  flock 8
}

main() {
  phase "Python environment"
  ensure_venv requirements-dev.txt
  export PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV"
  export PYTHONPATH="$ROOT/tests/support:$ROOT/tests" PYTHONUNBUFFERED=1
  export NO_COLOR=1 ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0
  cd "$ROOT"
  case " $* " in
    *" --help "* | *" -h "*) ;;
    *)
      python -m bench.arguments "$@"
      phase "Docker Engine"
      ensure_engine "$@"
      alone_on_the_engine
      phase "Measurements"
      ;;
  esac
  exec python -m bench "$@"
}

main "$@"
