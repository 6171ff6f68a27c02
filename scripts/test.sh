#!/usr/bin/env bash
# Runs the test suite: lint and unit tests, then tests on a real engine. Uses only instances of its own.
set -euo pipefail

# shellcheck source=lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source=lib/packages.sh
source "$ROOT/scripts/lib/packages.sh"
# shellcheck source=lib/python.sh
source "$ROOT/scripts/lib/python.sh"
# shellcheck source=lib/engine.sh
source "$ROOT/scripts/lib/engine.sh"
# shellcheck source=lib/go.sh
source "$ROOT/scripts/lib/go.sh"
# shellcheck source=lib/steps.sh
source "$ROOT/scripts/lib/steps.sh"

usage() {
  cat <<'TEXT'
Usage: ./scripts/test.sh [--fast] [--only NAME]... [--jobs N] [--list]

  --fast        run lint and unit tests only (under three minutes)
  --only NAME   run only this step; can be repeated
  --jobs N      run N steps at a time (default: 2)
  --list        list the names of the steps
  --help        show this help

Required tools are installed automatically. The tests on the engine use instances (molecule-...) and ports of their own
and remove them, even if they are interrupted. The log of each step is in .cloudlab/test-logs/.
The exit status is 0 if every step passed.
TEXT
}

# Time limits per step, in seconds. FAST_LIMIT only stops hangs: the longest of these steps takes 30 s on two idle
# cores.
FAST_LIMIT=600
INTEGRATION_LIMIT=3600
IMAGES_LIMIT=2700
# Twice what the longest scenario takes while another step uses the same two cores.
SCENARIO_LIMIT=2400

# Default number of steps that run at a time. Steps on the engine mostly wait for containers, and two complete
# environments fit into the memory of a laptop.
JOBS=2

# The longest first, so that no worker is left alone with a long one.
fast_steps() {
  printf '%s\n' unit ansible-lint reload staticcheck go-vet platform mypy shellcheck syntax yamllint hadolint ruff \
    ruff-format gofumpt govulncheck
}

# They come before all other steps on the engine, which use their results.
PROVISIONING_STEPS=(test-tools images)

# The longest first. The first scenario with the platform compiles it for those that follow (tests/support/caches.py).
LONG_SCENARIOS=(compose platform observability fresh-debian12 fresh-debian13 engine-28)

engine_steps() {
  local file name
  printf '%s\n' "${PROVISIONING_STEPS[@]}" molecule-compose integration
  for name in "${LONG_SCENARIOS[@]:1}"; do
    printf 'molecule-%s\n' "$name"
  done
  for file in "$ROOT"/molecule/*/molecule.yml; do
    name=$(basename "$(dirname "$file")")
    [[ " ${LONG_SCENARIOS[*]} " == *" $name "* ]] || printf 'molecule-%s\n' "$name"
  done
  printf '%s\n' platform-stores
}

# Steps that compile with the race detector.
RACE_STEPS=(reload staticcheck go-vet govulncheck platform platform-stores)

# Run the step NAME.
step() {
  [[ " ${RACE_STEPS[*]} " != *" $1 "* ]] || ensure_c_compiler
  case "$1" in
    yamllint) run_step "$1" "$FAST_LIMIT" yamllint --strict . ;;
    ruff) run_step "$1" "$FAST_LIMIT" ruff check . ;;
    ruff-format) run_step "$1" "$FAST_LIMIT" ruff format --check --diff . ;;
    mypy) run_step "$1" "$FAST_LIMIT" mypy ;;
    shellcheck) run_step "$1" "$FAST_LIMIT" bash -c "$(declare -f check_shell); check_shell" ;;
    hadolint) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'git ls-files -z "*Dockerfile" | xargs -0 hadolint' ;;
    syntax) run_step "$1" "$FAST_LIMIT" ansible-playbook --syntax-check playbooks/*.yml ;;
    ansible-lint) run_step "$1" "$FAST_LIMIT" ansible-lint --offline ;;
    unit) run_step "$1" "$FAST_LIMIT" python -m pytest --quiet --numprocesses 2 tests/unit ;;
    gofumpt) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_format' ;;
    go-vet) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_vet' ;;
    staticcheck) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_static' ;;
    govulncheck)
      if vulnerability_database_answers; then
        run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_vulnerabilities'
      else
        skip_step "$1" "Go's vulnerability database does not answer"
      fi
      ;;
    reload) run_step "$1" "$FAST_LIMIT" python tests/support/go_tests.py files/reload -race ;;
    platform) run_step "$1" "$FAST_LIMIT" python tests/support/go_tests.py files/platform -race ;;
    test-tools) run_step "$1" "$IMAGES_LIMIT" tests/support/fetch_tools.sh ;;
    # Always from packages, because most tests cover these images.
    images) run_step "$1" "$IMAGES_LIMIT" env IMAGE_SOURCE=packages \
      ansible-playbook molecule/shared/images.yml --extra-vars "images_file=$LOGS/images.json" ;;
    platform-stores) run_step "$1" "$INTEGRATION_LIMIT" python tests/support/platform_stores.py ;;
    integration) run_step "$1" "$INTEGRATION_LIMIT" python -m pytest --quiet tests/integration ;;
    molecule-*) run_step "$1" "$SCENARIO_LIMIT" molecule test --scenario-name "${1#molecule-}" ;;
  esac
}

# Shell scripts are found by their extension or shebang; templates are excluded.
check_shell() {
  {
    git ls-files -z '*.sh'
    git grep -lzIE '^#! ?/(usr/)?bin/(env )?(ba|da)?sh' -- . ':!*.j2' ':!*.md' ':!*.py'
  } | sort -zu | xargs -0 shellcheck
}

# Remove the user's own settings from the environment, because the tests use their own instances.
forget_settings() {
  local name
  for name in $(python -c 'from cloudlab.model import settings; print(*settings.spec())'); do
    unset "$(tr '[:lower:]' '[:upper:]' <<<"$name")"
  done
  # Empty: do not read a .env file.
  export CLOUDLAB_ENV_FILE=
}

# remove_leftovers: remove what failed or interrupted tests left on the engine.
remove_leftovers() {
  python "$ROOT/tests/support/leftovers.py"
}

interrupted() {
  trap '' INT TERM HUP
  printf '\ninterrupted: stopping the running steps and removing their resources\n'
  stop_steps
  [[ -z "${ENGINE_USED:-}" ]] || remove_leftovers || true
  exit 130
}

prepare() {
  phase "Python environment"
  ensure_venv requirements-dev.txt
  export PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV"
  # No colors, because the output goes to log files.
  export NO_COLOR=1 ANSIBLE_NOCOLOR=1 PY_COLORS=0 ANSIBLE_FORCE_COLOR=0
  export PYTHONUNBUFFERED=1
  unset FORCE_COLOR
  # Nobody debugs what is compiled here.
  export GOFLAGS="${GOFLAGS:+$GOFLAGS }-gcflags=all=-dwarf=false"
  forget_settings
  cd "$ROOT"
  mkdir -p "$LOGS"
  have go || warn "Go is not installed: the steps that compile Go code will fail." "Install Go 1.26 or newer."
}

# Two concurrent runs would remove each other's instances as leftovers.
alone_on_the_engine() {
  have flock || return 0
  exec 8>"${TMPDIR:-/tmp}/cloudlab-tests-$(id -u).lock"
  flock --nonblock 8 || die "another test run is using the engine." "Wait until it ends; --fast needs no engine."
}

# prepare_engine ARGUMENT...: the script's own arguments, in case ensure_engine restarts it with the group docker.
prepare_engine() {
  phase "Docker Engine"
  ensure_engine "$@"
  alone_on_the_engine
  export PATH="$PATH:$ROOT/.cloudlab/test-tools"
  ENGINE_USED=yes
  remove_leftovers
}

# steps_of STEPS CHOSEN: those of the chosen steps that are listed, in the order in which they were chosen.
steps_of() {
  grep -xF -f <(printf '%s\n' "$1") <<<"$2" || true
}

main() {
  local only=() fast="" argument chosen known name on_engine
  local -a arguments=("$@")
  while (($#)); do
    argument="$1"
    shift
    case "$argument" in
      --fast) fast=yes ;;
      --only)
        (($#)) || die "--only needs the name of a step." "See --list."
        only+=("$1")
        shift
        ;;
      --only=*) only+=("${argument#--only=}") ;;
      --jobs)
        (($#)) || die "--jobs needs a number." "See --help."
        JOBS="$1"
        shift
        ;;
      --jobs=*) JOBS="${argument#--jobs=}" ;;
      --list)
        fast_steps
        engine_steps
        return
        ;;
      -h | --help)
        usage
        return
        ;;
      *) die "unknown argument: $argument" "See --help." ;;
    esac
  done
  [[ "$JOBS" =~ ^[1-9]$ ]] || die "--jobs is '$JOBS'; it must be a number from 1 to 9." "See --help."

  known=$(
    fast_steps
    [[ -n "$fast" ]] || engine_steps
  )
  chosen="$known"
  if ((${#only[@]})); then
    for name in "${only[@]}"; do
      grep -qxF -e "$name" <<<"$known" || die "unknown step: $name" "Steps: $(tr '\n' ' ' <<<"$known")"
    done
    chosen=$(printf '%s\n' "${only[@]}")
  fi

  trap interrupted INT TERM HUP
  prepare
  forget_results
  on_engine=$(steps_of "$(engine_steps)" "$chosen")
  if [[ -n "$on_engine" ]]; then
    prepare_engine ${arguments[@]+"${arguments[@]}"}
    grep -qx test-tools <<<"$chosen" || chosen=$(printf 'test-tools\n%s' "$chosen")
  fi
  phase "Steps"
  # While these download, the fast steps compute.
  # shellcheck disable=SC2046 # names of steps contain no blanks
  run_steps "$JOBS" $(steps_of "$(printf '%s\n' "${PROVISIONING_STEPS[@]}")" "$chosen") \
    $(steps_of "$(fast_steps)" "$chosen")
  if [[ -n "$on_engine" ]]; then
    # shellcheck disable=SC2086
    run_steps "$JOBS" $on_engine
    remove_leftovers
  fi
  # shellcheck disable=SC2086
  summary $chosen
}

main "$@"
