#!/usr/bin/env bash
# Fetches what only the tests need. Packages of the distribution that would start a service, such as docker-registry, are
# not installed but unpacked under .cloudlab/test-tools/.
set -euo pipefail

# shellcheck source=../../scripts/lib/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
# shellcheck source=../../scripts/lib/packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/packages.sh"
# shellcheck source=../../scripts/lib/python.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/python.sh"
# shellcheck source=../../scripts/lib/go.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/go.sh"

TOOLS="$ROOT/.cloudlab/test-tools"

# fetch PACKAGE PROGRAM [OPTION...]: unpack the program from the package if it does not exist; apt's options select the
# source.
fetch() {
  local package="$1" program="$2" draft
  [[ ! -x "$TOOLS/$program" ]] || return 0
  # Container images of distributions have no package lists.
  apt-cache "${@:3}" show "$package" >/dev/null 2>&1 || as_root apt-get "${@:3}" update --quiet=2
  draft=$(mktemp -d "$TOOLS/.draft.XXXXXX")
  # apt's own user may not be able to write here.
  (cd "$draft" && apt-get "${@:3}" download --quiet=2 -o APT::Sandbox::User="$(id -un)" "$package")
  dpkg-deb --extract "$draft"/*.deb "$draft"
  # The path depends on the distribution, and Docker plugins have another one.
  find "$draft" -name "$program" -type f -perm -u+x -exec mv {} "$TOOLS/$program" ';'
  rm -rf "$draft"
  [[ -x "$TOOLS/$program" ]] || die "the package $package does not contain $program"
}

# compile TOOL PROGRAM: compile a tool of tests/tools/go.mod under the name of a program, if that is not installed.
compile() {
  local tool="$1" program="$2" compiled
  [[ -x "$TOOLS/$program" ]] || ! have "$program" || return 0
  compiled=$(go_tool "$tool")
  ln -sf "$compiled" "$TOOLS/$program"
}

# Compose version 2. Ubuntu has a package docker-compose-v2. On Debian 12, fetch the package of Debian 13 from the same
# mirror, with separate package lists.
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

# The engine of the pinned ClickHouse, half a gigabyte, in a folder of its own. Of its dependencies, nothing is used.
fetch_clickhouse() {
  local pinned="$ROOT/tests/tools/requirements-clickhouse.txt" folder="$TOOLS/clickhouse"
  ! cmp -s "$pinned" "$folder/requirements.txt" || return 0
  rm -rf "$folder"
  install_packages "packages of tests/tools/requirements-clickhouse.txt" --target "$folder" --no-deps \
    --only-binary :all: --require-hashes --requirement "$pinned"
  cp "$pinned" "$folder/requirements.txt"
}

have_apt || die "test tools cannot be fetched: docker-registry, docker-compose and busybox-static come from Debian or Ubuntu packages."
mkdir -p "$TOOLS"
fetch docker-registry docker-registry
fetch busybox-static busybox
fetch_compose
# Browser tests. Chromium is too large to unpack.
have chromium || have google-chrome || apt_install chromium
fetch_clickhouse
# Programs in the commands of the documents.
compile grpcurl grpcurl
compile gojq jq
