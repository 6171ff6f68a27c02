#!/usr/bin/env bash
# Shows and follows the logs of the environment; see --help.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"

main() {
  # Standard output is reserved for log lines.
  ensure_venv requirements.txt >&2
  export PYTHONUNBUFFERED=1
  cd "$ROOT"
  exec "$VENV/bin/python" -m cloudlab.observe.logs "$@"
}

main "$@"
