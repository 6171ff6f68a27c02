# shellcheck shell=bash
# Finds, starts or installs a Docker Engine that the user can use. Only the engine's socket is checked, because a
# `docker` command on the PATH does not prove that an engine runs.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# Print why the engine cannot be used; return the exit status of engine_state.py.
engine_problem() {
  "$VENV/bin/python" "$ROOT/scripts/lib/engine_state.py"
}

# ensure_engine ARGUMENT...: make sure that the engine can be used. If the user was just added to the group docker, the
# script is restarted with that group; the arguments are those of the script.
ensure_engine() {
  local problem status=0
  problem=$(engine_problem) || status=$?
  case "$status" in
    0)
      ensure_package_tools
      return
      ;;
    10) engine_instructions "$problem" ;;
    11) ;;
    *) die "$problem" ;;
  esac
  if ((status == 10)) || ! is_docker_member; then
    can_become_root || die "$problem" "To let this script fix it, run it as root, or at a terminal with sudo."
    note "no engine that $(id -un) can use; installing or starting one"
    install_engine
    status=0
    problem=$(engine_problem) || status=$?
  fi
  case "$status" in
    0) ;;
    11) restart_with_group "$problem" "$@" ;;
    *) die "the Docker Engine was set up but still cannot be used: $problem" ;;
  esac
}

# Building images from packages, when no registry is reachable, requires mmdebstrap.
ensure_package_tools() {
  if ! have_apt || have mmdebstrap; then
    return
  fi
  if can_become_root; then
    install_engine
  else
    warn "mmdebstrap is not installed; without it, images can only come from a registry." \
      "To build images from packages, run: sudo apt-get install mmdebstrap"
  fi
}

# The `engine` role runs entirely as root, so that sudo asks for a password only once, here at the terminal.
install_engine() {
  # Prevent root from creating files in the user's checkout.
  as_root env LC_ALL="${LC_ALL:-${LANG:-C.UTF-8}}" \
    ANSIBLE_CONFIG="$ANSIBLE_CONFIG" ANSIBLE_HOME=/root/.ansible PYTHONDONTWRITEBYTECODE=1 CLOUDLAB_ENV_FILE='' \
    "$VENV/bin/ansible-playbook" "$ROOT/playbooks/engine.yml" --extra-vars "engine_user=$(id -un)" </dev/null ||
    die "the Docker Engine could not be set up; see the message above."
}

is_docker_member() {
  id -nG "$(id -un)" | tr ' ' '\n' | grep -qx docker
}

# restart_with_group PROBLEM ARGUMENT...: restart the script in a session that has the group docker, because existing
# sessions of a user who was just added do not have it.
restart_with_group() {
  local problem="$1" script
  shift
  if [[ -n "${CLOUDLAB_RESTARTED:-}" ]]; then
    die "$problem" "This session still lacks the group docker: log out and in again."
  fi
  note "continuing as a member of the group docker; to use it in shells that are already open, run: newgrp docker"
  script="$ROOT/scripts/$(basename "$0")"
  export CLOUDLAB_RESTARTED=1
  if have sg; then
    exec sg docker -c "$(sh_quote bash "$script" "$@")"
  fi
  need_root "Using the new group docker"
  exec sudo --preserve-env --user "$(id -un)" -- env PATH="$PATH" bash "$script" "$@"
}

# sh_quote WORD...: print the words as a command line for any POSIX shell (printf %q is specific to Bash).
sh_quote() {
  local word
  for word in "$@"; do
    printf "'%s' " "${word//\'/\'\\\'\'}"
  done
}

# engine_instructions PROBLEM: if this script cannot install an engine on this system, exit with instructions.
engine_instructions() {
  local advice=()
  if [[ "$(uname -s)" == Darwin ]]; then
    advice=("Install Docker Desktop (https://docs.docker.com/desktop/) or colima (brew install colima docker && colima start),"
      "start it, and give it at least 6 GB of memory.")
  elif grep -qi microsoft /proc/sys/kernel/osrelease 2>/dev/null && ! have dockerd; then
    advice=("In Windows, either enable Docker Desktop's WSL integration for this distribution (Settings, Resources),"
      "or install an engine in this distribution: sudo apt-get install docker.io mmdebstrap")
  elif have_apt || have dockerd; then
    return 0
  elif have dnf; then
    advice=("sudo dnf install moby-engine && sudo systemctl enable --now docker && sudo usermod -aG docker $(id -un)"
      "then log out and in again.")
  elif have pacman; then
    advice=("sudo pacman -S docker && sudo systemctl enable --now docker && sudo usermod -aG docker $(id -un)"
      "then log out and in again.")
  elif have zypper; then
    advice=("sudo zypper install docker && sudo systemctl enable --now docker && sudo usermod -aG docker $(id -un)"
      "then log out and in again.")
  elif have apk; then
    advice=("sudo apk add docker && sudo rc-update add docker default && sudo service docker start && sudo addgroup $(id -un) docker"
      "then log out and in again.")
  else
    advice=("Install Docker Engine 20.10 or newer: https://docs.docker.com/engine/install/")
  fi
  die "$1" "This script installs an engine on Debian and Ubuntu only. On this system:" "${advice[@]/#/    }" \
    "Then run this script again."
}
