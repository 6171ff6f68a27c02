# shellcheck shell=bash
# What every script of this folder begins with: where the project is, a usable locale, and words for the person.
# To be sourced, after `set -euo pipefail`. Works with the Bash 3.2 of macOS.
# shellcheck disable=SC2034 # what is set here is used by those who source it

if declare -F die >/dev/null; then
  return 0
fi
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
VENV="$ROOT/.venv"

# ansible.cfg is found by the working directory, and not at all in a folder that anybody may write to.
export ANSIBLE_CONFIG="$ROOT/ansible.cfg"

# duration SECONDS: in words.
duration() {
  local seconds="$1"
  if ((seconds < 60)); then
    printf '%d s' "$seconds"
  else
    printf '%d min %02d s' $((seconds / 60)) $((seconds % 60))
  fi
}

# phase TEXT: begin a part of the work that may take time.
phase() {
  printf '==> [%s] %s\n' "$(duration "$SECONDS")" "$1"
}

# note TEXT: what is going on within a phase.
note() {
  printf '    %s\n' "$@"
}

# warn TEXT / die TEXT...: every further argument is a line of its own.
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

# Ansible refuses to start where the locale is not UTF-8.
use_utf8_locale() {
  # A locale that is named but not installed shows as a complaint.
  if have locale && [[ "$(locale charmap 2>/dev/null)" == UTF-8 && -z "$(locale 2>&1 >/dev/null)" ]]; then
    return
  fi
  export LC_ALL=C.UTF-8
  # Older macOS has no C.UTF-8.
  if [[ "$(uname -s)" == Darwin ]] && ! locale -a 2>/dev/null | grep -qx C.UTF-8; then
    export LC_ALL=en_US.UTF-8
  fi
  export LANG="$LC_ALL"
}

# Ansible forks, and macOS ends forked programs that use its libraries (Ansible's FAQ, "Running on macOS as a control node").
let_macos_fork() {
  if [[ "$(uname -s)" == Darwin ]]; then
    export OBJC_DISABLE_INITIALIZE_FORK_SAFETY=YES
  fi
}

# Python's own tools bring certificates with them; behind a proxy that inspects TLS only the machine's bundle will do.
use_system_certificates() {
  local bundle="${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}"
  if [[ -r "$bundle" ]]; then
    export SSL_CERT_FILE="$bundle" PIP_CERT="${PIP_CERT:-$bundle}" REQUESTS_CA_BUNDLE="${REQUESTS_CA_BUNDLE:-$bundle}"
  fi
}

use_utf8_locale
let_macos_fork
use_system_certificates
