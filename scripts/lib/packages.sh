# shellcheck shell=bash
# Packages of the distribution, and becoming root for them.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# Debian, Ubuntu and what derives from them.
have_apt() {
  have apt-get && have dpkg
}

# as_root COMMAND...: run it as root; asks for the password at the terminal where sudo wants one.
as_root() {
  if is_root; then
    "$@"
    return
  fi
  # Behind a proxy the packages cannot be had without its variables, which sudo would drop.
  local variable environment=()
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [[ -z "${!variable:-}" ]] || environment+=("$variable=${!variable}")
  done
  sudo env ${environment[@]+"${environment[@]}"} "$@"
}

# Whether as_root can work at all; without a terminal sudo must not need a password.
can_become_root() {
  is_root && return
  have sudo || return 1
  sudo --non-interactive true 2>/dev/null || [[ -t 0 && -t 2 ]]
}

# need_root WHAT: end here, saying so, where as_root cannot work.
need_root() {
  can_become_root && return
  if have sudo; then
    die "$1 needs root, and sudo asks for a password, but there is no terminal to ask at." \
      "Run this script from a terminal or as root."
  fi
  die "$1 needs root, and there is no sudo on this machine." "Run this script as root, or install sudo."
}

# apt_has PACKAGE: whether it is installed.
apt_has() {
  [[ "$(dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# apt_install PACKAGE...: install those that are missing; nothing is asked and nothing is removed.
apt_install() {
  local missing=() package
  for package in "$@"; do
    apt_has "$package" || missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  need_root "Installing ${missing[*]}"
  note "installing ${missing[*]} from the distribution"
  local log
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l bash -c '
    apt-get update --quiet=2 &&
      apt-get install --quiet=2 --yes --no-remove --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
  ' apt "${missing[@]}" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "the packages ${missing[*]} could not be installed; the lines above say why."
  }
  rm -f "$log"
}
