# shellcheck shell=bash
# A Docker Engine that this user can use: found, started, or installed. Only the engine's socket counts; a `docker` command
# on the PATH may be of any origin.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# Prints why the engine cannot be used; returns the exit status of engine_state.py.
engine_problem() {
  "$VENV/bin/python" "$ROOT/scripts/lib/engine_state.py"
}

# ensure_engine ARGUMENT...: return with a usable engine. Where that takes a group that this session does not have yet, the
# script is started anew with it: the arguments are the script's own.
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
    can_become_root || die "$problem" "This script does it by itself as root, or with sudo at a terminal."
    note "none that $(id -un) can use; providing one"
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

# Images are built from packages where no registry answers; that takes one tool more.
ensure_package_tools() {
  if ! have_apt || have mmdebstrap; then
    return
  fi
  if can_become_root; then
    install_engine
  else
    warn "mmdebstrap is not installed; without it images can come from a registry only." \
      "To build them from packages: sudo apt-get install mmdebstrap"
  fi
}

# The role `engine` does the work, as root from its first task on: so sudo asks once, here at the terminal.
install_engine() {
  # As root nothing is left behind in the user's checkout.
  as_root env LC_ALL="${LC_ALL:-${LANG:-C.UTF-8}}" \
    ANSIBLE_CONFIG="$ANSIBLE_CONFIG" ANSIBLE_HOME=/root/.ansible PYTHONDONTWRITEBYTECODE=1 CLOUDLAB_ENV_FILE='' \
    "$VENV/bin/ansible-playbook" "$ROOT/playbooks/engine.yml" --extra-vars "engine_user=$(id -un)" </dev/null ||
    die "the Docker Engine could not be set up; the message above says why."
}

is_docker_member() {
  id -nG "$(id -un)" | tr ' ' '\n' | grep -qx docker
}

# restart_with_group PROBLEM ARGUMENT...: whoever has just been added to the group docker has it in new sessions only; the
# script goes on in such a session.
restart_with_group() {
  local problem="$1" script
  shift
  if [[ -n "${CLOUDLAB_RESTARTED:-}" ]]; then
    die "$problem" "The group is still missing in this session: log out and in again."
  fi
  note "going on as a member of the group docker; shells that were open before learn of it by: newgrp docker"
  script="$ROOT/scripts/$(basename "$0")"
  export CLOUDLAB_RESTARTED=1
  if have sg; then
    exec sg docker -c "$(sh_quote bash "$script" "$@")"
  fi
  need_root "Using the new group docker"
  exec sudo --preserve-env --user "$(id -un)" -- env PATH="$PATH" bash "$script" "$@"
}

# sh_quote WORD...: the words as a command line for any POSIX shell (printf %q writes one that only Bash reads).
sh_quote() {
  local word
  for word in "$@"; do
    printf "'%s' " "${word//\'/\'\\\'\'}"
  done
}

# engine_instructions PROBLEM: where this script cannot install an engine, end here and say what will.
engine_instructions() {
  local advice=()
  if [[ "$(uname -s)" == Darwin ]]; then
    advice=("Install Docker Desktop (https://docs.docker.com/desktop/) or colima (brew install colima docker && colima start),"
      "start it, and give it at least 6 GB of memory.")
  elif grep -qi microsoft /proc/sys/kernel/osrelease 2>/dev/null && ! have dockerd; then
    advice=("In Windows, either turn on Docker Desktop's WSL integration for this distribution (Settings, Resources),"
      "or install an engine in here: sudo apt-get install docker.io mmdebstrap")
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
    advice=("Install the Docker Engine 20.10 or newer: https://docs.docker.com/engine/install/")
  fi
  die "$1" "This script installs an engine on Debian and Ubuntu only. Here:" "${advice[@]/#/    }" "Then run this script again."
}
