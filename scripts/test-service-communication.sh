#!/usr/bin/env bash
# Runs an end-to-end test of a running reference platform through its gateway.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"

main() {
  ensure_venv requirements-dev.txt
  export PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV"
  export PYTHONPATH="$ROOT/tests" PYTHONUNBUFFERED=1
  cd "$ROOT"
  exec python -m communication "$@"
}

main "$@"
