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
Usage: ./scripts/test.sh [--fast] [--only NAME]... [--list]

  --fast        run lint and unit tests only (under three minutes)
  --only NAME   run only this step; can be repeated
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
INTEGRATION_LIMIT=2700
IMAGES_LIMIT=2700
SCENARIO_LIMIT=1500

fast_steps() {
  printf '%s\n' yamllint ruff ruff-format mypy shellcheck syntax ansible-lint gofumpt go-vet staticcheck unit reload platform
}

engine_steps() {
  local file
  # images comes first, because all other engine steps use the images.
  printf '%s\n' images platform-stores integration
  for file in "$ROOT"/molecule/*/molecule.yml; do
    printf 'molecule-%s\n' "$(basename "$(dirname "$file")")"
  done
}

# Run the step NAME.
step() {
  case "$1" in
    yamllint) run_step "$1" "$FAST_LIMIT" yamllint --strict . ;;
    ruff) run_step "$1" "$FAST_LIMIT" ruff check . ;;
    ruff-format) run_step "$1" "$FAST_LIMIT" ruff format --check --diff . ;;
    mypy) run_step "$1" "$FAST_LIMIT" mypy ;;
    shellcheck) run_step "$1" "$FAST_LIMIT" bash -c "$(declare -f check_shell); check_shell" ;;
    syntax) run_step "$1" "$FAST_LIMIT" ansible-playbook --syntax-check playbooks/*.yml ;;
    ansible-lint) run_step "$1" "$FAST_LIMIT" ansible-lint --offline ;;
    unit) run_step "$1" "$FAST_LIMIT" python -m pytest --quiet tests/unit ;;
    gofumpt) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_format' ;;
    go-vet) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_vet' ;;
    staticcheck) run_step "$1" "$FAST_LIMIT" bash -euo pipefail -c 'source scripts/lib/go.sh; check_go_static' ;;
    reload)
      ensure_c_compiler
      run_step "$1" "$FAST_LIMIT" python tests/support/go_tests.py files/reload -race
      ;;
    platform) run_step "$1" "$FAST_LIMIT" python tests/support/go_tests.py files/platform ;;
    # Always from packages, because most tests cover these images.
    images) run_step "$1" "$IMAGES_LIMIT" env IMAGE_SOURCE=packages \
      ansible-playbook molecule/shared/images.yml --extra-vars "images_file=$LOGS/images.json" ;;
    platform-stores)
      ensure_c_compiler
      run_step "$1" "$INTEGRATION_LIMIT" python tests/support/platform_stores.py
      ;;
    # Two files in parallel take little more than half the time, because the tests mostly wait. Each file uses its own
    # instance.
    integration) run_step "$1" "$INTEGRATION_LIMIT" \
      python -m pytest --quiet --numprocesses 2 --dist loadfile tests/integration ;;
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
  printf '\ninterrupted: stopping the step and removing its resources\n'
  stop_step
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
  phase "Docker Engine and test tools"
  ensure_engine "$@"
  alone_on_the_engine
  if ! "$ROOT/tests/support/fetch_tools.sh"; then
    warn "some test tools are unavailable; the steps that need them will fail"
  fi
  export PATH="$PATH:$ROOT/.cloudlab/test-tools"
  ENGINE_USED=yes
  remove_leftovers
}

main() {
  local only=() fast="" argument chosen known name
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
  phase "Steps"
  for name in $chosen; do
    if [[ -z "${ENGINE_USED:-}" ]] && grep -qxF -e "$name" <(engine_steps); then
      prepare_engine ${arguments[@]+"${arguments[@]}"}
    fi
    step "$name"
  done
  [[ -z "${ENGINE_USED:-}" ]] || remove_leftovers
  summary
}

main "$@"
