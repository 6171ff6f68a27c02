# shellcheck shell=bash
# Common to all scripts of this directory: project paths, a usable locale and output functions. Source it after `set
# -euo pipefail`. Compatible with Bash 3.2 (macOS).
# shellcheck disable=SC2034 # the variables are used by the scripts that source this file

if declare -F die >/dev/null; then
  return 0
fi
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VENV="$ROOT/.venv"

# Set explicitly, because Ansible looks for ansible.cfg in the working directory and ignores it if the directory is
# world-writable.
export ANSIBLE_CONFIG="$ROOT/ansible.cfg"

# duration SECONDS: print it in a readable format.
duration() {
  local seconds="$1"
  if ((seconds < 60)); then
    printf '%d s' "$seconds"
  else
    printf '%d min %02d s' $((seconds / 60)) $((seconds % 60))
  fi
}

# phase TEXT: announce a phase that can take time.
phase() {
  printf '==> [%s] %s\n' "$(duration "$SECONDS")" "$1"
}

# note TEXT...: report progress within a phase.
note() {
  printf '    %s\n' "$@"
}

# warn TEXT... / die TEXT...: print each argument on its own line.
warn() {
  printf 'WARNING: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '         %s\n' "$@" >&2
}

die() {
  printf '\nERROR: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '       %s\n' "$@" >&2
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

is_root() {
  ((EUID == 0))
}

# Ansible does not start in a locale that is not UTF-8.
use_utf8_locale() {
  # A locale that is set but not installed causes a message on standard error.
  if have locale && [[ "$(locale charmap 2>/dev/null)" == UTF-8 && -z "$(locale 2>&1 >/dev/null)" ]]; then
    return
  fi
  export LC_ALL=C.UTF-8
  # Older macOS versions do not have C.UTF-8.
  if [[ "$(uname -s)" == Darwin ]] && ! locale -a 2>/dev/null | grep -qx C.UTF-8; then
    export LC_ALL=en_US.UTF-8
  fi
  export LANG="$LC_ALL"
}

# Ansible forks, and macOS terminates forked processes that use its frameworks (see "Running on macOS as a control node"
# in Ansible's FAQ).
let_macos_fork() {
  if [[ "$(uname -s)" == Darwin ]]; then
    export OBJC_DISABLE_INITIALIZE_FORK_SAFETY=YES
  fi
}

# Python tools bring their own CA certificates; behind a proxy that inspects TLS, only the system's bundle works.
use_system_certificates() {
  local bundle="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
  if [[ -r "$bundle" ]]; then
    export SSL_CERT_FILE="$bundle" PIP_CERT="${PIP_CERT:-$bundle}" REQUESTS_CA_BUNDLE="${REQUESTS_CA_BUNDLE:-$bundle}"
  fi
}

use_utf8_locale
let_macos_fork
use_system_certificates
