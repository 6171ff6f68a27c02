#!/usr/bin/env bash
# Measures the project; the figures of the README come from here. Touches no environment but its own.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"
# shellcheck source=lib/engine.sh
source "$ROOT/scripts/lib/engine.sh"

main() {
  phase "Python environment"
  ensure_venv requirements-dev.txt
  export PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV"
  export PYTHONPATH="$ROOT/plugins:$ROOT/tests/support:$ROOT/tests" PYTHONUNBUFFERED=1
  export NO_COLOR=1 ANSIBLE_NOCOLOR=1 ANSIBLE_FORCE_COLOR=0
  cd "$ROOT"
  case " $* " in
    *" --help "* | *" -h "*) ;;
    *)
      phase "Docker Engine"
      ensure_engine "$@"
      phase "Measurements"
      ;;
  esac
  exec python -m bench "$@"
}

main "$@"
