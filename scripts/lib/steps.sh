# shellcheck shell=bash
# Steps of a test run: each with a log of its own, a time, a time limit, and an honest place in the summary.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

LOGS="$ROOT/.cloudlab/test-logs"
# Lines of a failed step's log that are shown at once.
LOG_TAIL=60

STEPS_PASSED=()
STEPS_FAILED=()
STEPS_SKIPPED=()
STEP_PROCESS=""

# macOS has no timeout; there the steps run without their limits.
if ! have timeout; then
  timeout() {
    shift 2
    "$@"
  }
fi

# run_step NAME LIMIT COMMAND...: run it with a limit in seconds; remember how it ended, and go on in any case.
run_step() {
  local name="$1" limit="$2" log="$LOGS/$1.log" begin="$SECONDS" status=0
  shift 2
  printf '%-24s ' "$name"
  # In a process group of its own: when the time is up, or the run is interrupted, nothing of it stays behind.
  timeout --kill-after=60 "$limit" "$@" >"$log" 2>&1 </dev/null &
  STEP_PROCESS=$!
  wait "$STEP_PROCESS" || status=$?
  STEP_PROCESS=""
  if ((status == 0)); then
    STEPS_PASSED+=("$name")
    printf 'passed  %s\n' "$(duration $((SECONDS - begin)))"
    return
  fi
  STEPS_FAILED+=("$name")
  printf 'FAILED  %s\n' "$(duration $((SECONDS - begin)))"
  ((status != 124)) || printf 'It was ended: it may take %s.\n' "$(duration "$limit")" >>"$log"
  show_log "$log"
}

# skip_step NAME REASON
skip_step() {
  STEPS_SKIPPED+=("$1: $2")
  printf '%-24s skipped: %s\n' "$1" "$2"
}

show_log() {
  printf -- '---- the end of %s\n' "$1"
  tail -n "$LOG_TAIL" "$1" | sed 's/^/    /'
  printf -- '----\n'
}

# End the step that is under way, and wait until it is gone.
stop_step() {
  [[ -n "$STEP_PROCESS" ]] || return 0
  kill -TERM "$STEP_PROCESS" 2>/dev/null || true
  wait "$STEP_PROCESS" 2>/dev/null || true
  STEP_PROCESS=""
}

# The last lines of the run; the status is that of the whole.
summary() {
  printf '\n'
  ((${#STEPS_SKIPPED[@]} == 0)) || printf 'skipped  %s\n' "${STEPS_SKIPPED[@]}"
  ((${#STEPS_FAILED[@]} == 0)) || printf 'failed   %s\n' "${STEPS_FAILED[@]/%/ (.cloudlab/test-logs/)}"
  printf 'logs in .cloudlab/test-logs, %s altogether\n' "$(duration "$SECONDS")"
  printf '%d passed, %d failed%s\n' "${#STEPS_PASSED[@]}" "${#STEPS_FAILED[@]}" \
    "$( ((${#STEPS_SKIPPED[@]} == 0)) || printf ', %d skipped' "${#STEPS_SKIPPED[@]}")"
  ((${#STEPS_FAILED[@]} == 0 && ${#STEPS_PASSED[@]} > 0))
}
