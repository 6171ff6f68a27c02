#!/usr/bin/env bash
# Gets programs that only the tests need, from the distribution. What would start a service, such as docker-registry, is
# not installed but unpacked under .cloudlab/test-tools/.
set -euo pipefail

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
# shellcheck source=../../scripts/lib/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/packages.sh"
# shellcheck source=../../scripts/lib/go.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/go.sh"

TOOLS="$ROOT/.cloudlab/test-tools"

# fetch PACKAGE PROGRAM [OPTION...]: unpack the program out of the package, unless it is there already; apt's options say
# where from.
fetch() {
  local package="$1" program="$2" draft
  [[ ! -x "$TOOLS/$program" ]] || return 0
  # An image of a distribution comes without package lists.
  apt-cache "${@:3}" show "$package" >/dev/null 2>&1 || as_root apt-get "${@:3}" update --quiet=2
  draft=$(mktemp -d "$TOOLS/.draft.XXXXXX")
  # apt's own user may not be able to write here.
  (cd "$draft" && apt-get "${@:3}" download --quiet=2 -o APT::Sandbox::User="$(id -un)" "$package")
  dpkg-deb --extract "$draft"/*.deb "$draft"
  # Distributions disagree on /bin and /usr/bin, and plugins of docker stand elsewhere.
  find "$draft" -name "$program" -type f -perm -u+x -exec mv {} "$TOOLS/$program" ';'
  rm -rf "$draft"
  [[ -x "$TOOLS/$program" ]] || die "the package $package holds no program $program"
}

# compile TOOL PROGRAM: a tool of tests/tools/go.mod, under the name of a program that may be on this machine already.
compile() {
  local tool="$1" program="$2" compiled
  [[ -x "$TOOLS/$program" ]] || ! have "$program" || return 0
  compiled=$(go_tool "$tool")
  ln -sf "$compiled" "$TOOLS/$program"
}

# The second version of Compose; the first one is another program. Ubuntu has it as a package of its own. On Debian it is
# Debian 13's, from the same mirror, with package lists of its own.
fetch_compose() {
  if apt-cache show docker-compose-v2 >/dev/null 2>&1; then
    fetch docker-compose-v2 docker-compose
    return
  fi
  local state="$TOOLS/.trixie"
  local -a from=(
    -o "Dir::Etc::SourceList=$state/sources.list" -o Dir::Etc::SourceParts=/dev/null
    -o "Dir::State::Lists=$state/lists" -o "Dir::Cache=$state/cache" -o Acquire::Languages=none
  )
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
  # shellcheck disable=SC2016 # apt's own notation
  apt-get indextargets --format 'deb $(REPO_URI) trixie main' 'Created-By: Packages' | sed '/security/d; q' >"$state/sources.list"
  fetch docker-compose docker-compose "${from[@]}"
  rm -rf "$state"
}

have_apt || die "The tests take docker-registry, docker-compose and a static busybox from packages of Debian or Ubuntu; this is neither."
mkdir -p "$TOOLS"
fetch docker-registry docker-registry
fetch busybox-static busybox
fetch_compose
# Pages are looked at in a browser, which is too much to unpack.
have chromium || have google-chrome || apt_install chromium
# What the documents call the API with.
compile grpcurl grpcurl
compile gojq jq
