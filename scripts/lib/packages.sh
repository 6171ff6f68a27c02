# shellcheck shell=bash
# Installation of distribution packages, and root privileges for it.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Debian, Ubuntu and their derivatives.
have_apt() {
  have apt-get && have dpkg
}

# as_root COMMAND...: run it as root; sudo may ask for a password at the terminal.
as_root() {
  if is_root; then
    "$@"
    return
  fi
  # Pass on the proxy variables, which sudo would drop, because packages may be reachable only through a proxy.
  local variable environment=()
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z "${!variable:-}" ]] || environment+=("$variable=${!variable}")
  done
  sudo env ${environment[@]+"${environment[@]}"} "$@"
}

# Whether as_root can work: without a terminal, sudo must not require a password.
can_become_root() {
  is_root && return
  have sudo || return 1
  sudo --non-interactive true 2>/dev/null || [[ -t 0 && -t 2 ]]
}

# need_root WHAT: exit with an error if as_root cannot work.
need_root() {
  can_become_root && return
  if have sudo; then
    die "$1 requires root, but sudo asks for a password and there is no terminal." \
      "Run this script from a terminal or as root."
  fi
  die "$1 requires root, but sudo is not installed." "Run this script as root, or install sudo."
}

# apt_has PACKAGE: whether the package is installed.
apt_has() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# apt_install PACKAGE...: install the missing packages without prompts and without removing others.
apt_install() {
  local missing=() package
  for package in "$@"; do
    apt_has "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  need_root "Installing ${missing[*]}"
  note "installing packages: ${missing[*]}"
  local log
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l bash -c '
    apt-get update --quiet=2 &&
      apt-get install --quiet=2 --yes --no-remove --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
  ' apt "${missing[@]}" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "the packages ${missing[*]} could not be installed; see the output above."
  }
  rm -f "$log"
}
