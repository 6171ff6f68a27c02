# shellcheck shell=bash
# Runs the steps of a test run, several at a time, each with its own log file and time limit, and prints a summary.
# The caller defines `step NAME`, which calls run_step or skip_step once.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

LOGS="$ROOT/.cloudlab/test-logs"
# Number of log lines to show when a step fails.
LOG_TAIL=60

# One file per finished step, because concurrent steps cannot share variables: `passed`, `FAILED`, or `skipped: REASON`.
RESULTS="$LOGS/results"
STEP_PROCESS=""
WORKERS=()

# macOS has no timeout command; steps run without a limit there.
if ! have timeout; then
  timeout() {
    shift 2
    "$@"
  }
fi

# forget_results: begin a new run.
forget_results() {
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
}

# run_steps JOBS NAME...: run the steps in this order, JOBS at a time, and return when all have ended.
run_steps() {
  local jobs="$1" worker
  shift
  WORKERS=()
  for ((worker = 0; worker < jobs; worker++)); do
    work "$@" &
    WORKERS+=("$!")
  done
  wait "${WORKERS[@]}"
  WORKERS=()
}

# work NAME...: run each step that no other worker has claimed. mkdir succeeds for one of them only.
work() {
  local name
  trap 'stop_step; exit 143' TERM
  trap '' INT HUP
  for name in "$@"; do
    if mkdir "$RESULTS/$name.claimed" 2>/dev/null; then
      step "$name"
    fi
  done
}

# run_step NAME LIMIT COMMAND...: run the command with a limit in seconds and record the result; always return success.
run_step() {
  local name="$1" limit="$2" log="$LOGS/$1.log" begin="$SECONDS" status=0 result=passed
  shift 2
  # timeout runs it in its own process group, so that no process is left when the step times out or is interrupted.
  timeout --kill-after=60 "$limit" "$@" >"$log" 2>&1 </dev/null &
  STEP_PROCESS=$!
  wait "$STEP_PROCESS" || status=$?
  STEP_PROCESS=""
  if ((status != 0)); then
    result=FAILED
    ((status != 124)) || printf 'Timed out after %s.\n' "$(duration "$limit")" >>"$log"
  fi
  printf '%s\n' "$result" >"$RESULTS/$name"
  # One write, so that lines of concurrent steps do not mix.
  printf '%s\n' "$(printf '%-24s %s  %s\n' "$name" "$result" "$(duration $((SECONDS - begin)))"
    ((status == 0)) || show_log "$log")"
}

# skip_step NAME REASON
skip_step() {
  printf 'skipped: %s\n' "$2" >"$RESULTS/$1"
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

# Stop all running steps and wait until they have ended.
stop_steps() {
  ((${#WORKERS[@]})) || return 0
  kill -TERM "${WORKERS[@]}" 2>/dev/null || true
  wait "${WORKERS[@]}" 2>/dev/null || true
}

# summary NAME...: print the results of these steps and return the status of the whole run.
summary() {
  local name result passed=0 failed=0 skipped=0
  printf '\n'
  for name in "$@"; do
    result=$(cat "$RESULTS/$name" 2>/dev/null || printf 'FAILED')
    case "$result" in
      passed) passed=$((passed + 1)) ;;
      skipped:*)
        skipped=$((skipped + 1))
        printf 'skipped  %s%s\n' "$name" "${result#skipped}"
        ;;
      *)
        failed=$((failed + 1))
        printf 'failed   %s (.cloudlab/test-logs/%s.log)\n' "$name" "$name"
        ;;
    esac
  done
  printf 'logs in .cloudlab/test-logs, total time %s\n' "$(duration "$SECONDS")"
  printf '%d passed, %d failed%s\n' "$passed" "$failed" "$( ((skipped == 0)) || printf ', %d skipped' "$skipped")"
  ((failed == 0 && passed > 0))
}
