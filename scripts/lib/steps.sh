# shellcheck shell=bash
# Runs the steps of a test run, each with its own log file and time limit, and prints a summary.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

LOGS="$ROOT/.cloudlab/test-logs"
# Number of log lines to show when a step fails.
LOG_TAIL=60

STEPS_PASSED=()
STEPS_FAILED=()
STEPS_SKIPPED=()
STEP_PROCESS=""

# macOS has no timeout command; steps run without a limit there.
if ! have timeout; then
  timeout() {
    shift 2
    "$@"
  }
fi

# run_step NAME LIMIT COMMAND...: run the command with a limit in seconds and record the result; always return success.
run_step() {
  local name="$1" limit="$2" log="$LOGS/$1.log" begin="$SECONDS" status=0
  shift 2
  printf '%-24s ' "$name"
  # timeout runs it in its own process group, so that no process is left when the step times out or is interrupted.
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
  ((status != 124)) || printf 'Timed out after %s.\n' "$(duration "$limit")" >>"$log"
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

# Stop the current step and wait until it has ended.
stop_step() {
  [[ -n "$STEP_PROCESS" ]] || return 0
  kill -TERM "$STEP_PROCESS" 2>/dev/null || true
  wait "$STEP_PROCESS" 2>/dev/null || true
  STEP_PROCESS=""
}

# Print the summary and return the status of the whole run.
summary() {
  printf '\n'
  ((${#STEPS_SKIPPED[@]} == 0)) || printf 'skipped  %s\n' "${STEPS_SKIPPED[@]}"
  ((${#STEPS_FAILED[@]} == 0)) || printf 'failed   %s\n' "${STEPS_FAILED[@]/%/ (.cloudlab/test-logs/)}"
  printf 'logs in .cloudlab/test-logs, total time %s\n' "$(duration "$SECONDS")"
  printf '%d passed, %d failed%s\n' "${#STEPS_PASSED[@]}" "${#STEPS_FAILED[@]}" \
    "$( ((${#STEPS_SKIPPED[@]} == 0)) || printf ', %d skipped' "${#STEPS_SKIPPED[@]}")"
  ((${#STEPS_FAILED[@]} == 0 && ${#STEPS_PASSED[@]} > 0))
}
