#!/usr/bin/env bash
# Proves the project: lint and unit tests, then tests on the real engine. Touches no environment but its own.
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

  --fast        lint and unit tests only (under three minutes)
  --only NAME   this step only; repeat it for several
  --list        print the names of the steps
  --help        this text

Everything it needs is installed by itself. The tests on the engine use instances of their own (molecule-...) with ports
of their own, and remove them, also when they are interrupted. The log of each step is in .cloudlab/test-logs/.
The exit status is 0 when every step passed.
TEXT
}

# Limits per step, in seconds.
# A hang ends here; on two quiet cores the longest of them takes half a minute.
FAST_LIMIT=600
INTEGRATION_LIMIT=2700
IMAGES_LIMIT=2700
SCENARIO_LIMIT=1500

fast_steps() {
  printf '%s\n' yamllint ruff ruff-format shellcheck syntax ansible-lint gofumpt go-vet staticcheck unit reload platform
}

engine_steps() {
  local file
  # All that the others run, made once.
  printf '%s\n' images platform-stores integration
  for file in "$ROOT"/molecule/*/molecule.yml; do
    printf 'molecule-%s\n' "$(basename "$(dirname "$file")")"
  done
}

# Runs the step NAME; what a step is stands here and nowhere else.
step() {
  case "$1" in
    yamllint) run_step "$1" "$FAST_LIMIT" yamllint --strict . ;;
    ruff) run_step "$1" "$FAST_LIMIT" ruff check . ;;
    ruff-format) run_step "$1" "$FAST_LIMIT" ruff format --check --diff . ;;
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
    # From packages, whatever registries answer: that is what most of the tests look at.
    images) run_step "$1" "$IMAGES_LIMIT" env IMAGE_SOURCE=packages \
      ansible-playbook molecule/shared/images.yml --extra-vars "images_file=$LOGS/images.json" ;;
    platform-stores)
      ensure_c_compiler
      run_step "$1" "$INTEGRATION_LIMIT" env PYTHONPATH="$ROOT/plugins" python tests/support/platform_stores.py
      ;;
    # They wait more than they compute: two files at a time take little more than half of the time. Each has an instance
    # of its own.
    integration) run_step "$1" "$INTEGRATION_LIMIT" \
      python -m pytest --quiet --numprocesses 2 --dist loadfile tests/integration ;;
    molecule-*) run_step "$1" "$SCENARIO_LIMIT" molecule test --scenario-name "${1#molecule-}" ;;
  esac
}

# Shell scripts are known by their names or by their first line; templates are not scripts yet.
check_shell() {
  {
    git ls-files -z '*.sh'
    git grep -lzIE '^#! ?/(usr/)?bin/(env )?(ba|da)?sh' -- . ':!*.j2' ':!*.md' ':!*.py'
  } | sort -zu | xargs -0 shellcheck
}

# What the user has set for his own environment must not reach the tests: they have instances of their own.
forget_settings() {
  local name
  for name in $(PYTHONPATH="$ROOT/plugins" python -c 'from cloudlab import settings; print(*settings.spec())'); do
    unset "$(tr '[:lower:]' '[:upper:]' <<<"$name")"
  done
  # Empty: there is no .env.
  export CLOUDLAB_ENV_FILE=
}

# remove_leftovers: what tests made on the engine and did not remove, because they failed or were interrupted.
remove_leftovers() {
  PYTHONPATH="$ROOT/plugins" python "$ROOT/tests/support/leftovers.py"
}

interrupted() {
  trap '' INT TERM HUP
  printf '\ninterrupted: stopping the step and removing what it made\n'
  stop_step
  [[ -z "${ENGINE_USED:-}" ]] || remove_leftovers || true
  exit 130
}

prepare() {
  phase "Python environment"
  ensure_venv requirements-dev.txt
  export PATH="$VENV/bin:$PATH" VIRTUAL_ENV="$VENV"
  # The logs are read as text.
  export NO_COLOR=1 ANSIBLE_NOCOLOR=1 PY_COLORS=0 ANSIBLE_FORCE_COLOR=0
  export PYTHONUNBUFFERED=1
  unset FORCE_COLOR
  forget_settings
  cd "$ROOT"
  mkdir -p "$LOGS"
  have go || warn "Go is not installed: the steps that compile Go code will fail." "Install Go 1.26 or newer."
}

# Two runs at once would take each other's instances for leftovers.
alone_on_the_engine() {
  have flock || return 0
  exec 8>"${TMPDIR:-/tmp}/cloudlab-tests-$(id -u).lock"
  flock --nonblock 8 || die "another test run is using the engine." "Wait for it to end; --fast needs no engine."
}

# prepare_engine ARGUMENT...: the script's own, should it have to be started anew in the group docker.
prepare_engine() {
  phase "Docker Engine and the tools of the tests"
  ensure_engine "$@"
  alone_on_the_engine
  if ! "$ROOT/tests/support/fetch_tools.sh"; then
    warn "some tools of the tests could not be had; the steps that need them will say so"
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
        (($#)) || die "--only needs the name of a step." "--list prints them."
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
      *) die "unknown argument: $argument" "--help prints what there is." ;;
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
