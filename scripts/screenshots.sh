#!/usr/bin/env bash
# Takes screenshots of the web pages of the running environment; see --help.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"

main() {
  ensure_venv requirements-dev.txt
  export PYTHONPATH="$ROOT/tests/support:$ROOT/tests" PYTHONUNBUFFERED=1
  exec "$VENV/bin/python" -m screenshots "$@"
}

main "$@"
