# shellcheck shell=bash
# The Go modules of this repository and the tools that check them. The functions run at the root of the checkout.

# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
# shellcheck source=packages.sh
source "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

# Those of files/images are left out: what they are built from is many times larger than they are, and the step `images`
# compiles them. tests/tools has no code of its own.
go_modules() {
  git ls-files '*go.mod' ':!files/images' ':!tests/tools' | sed 's|/go\.mod$||'
}

# in_go_modules COMMAND...: run it in every module, also after a failure in one of them.
in_go_modules() {
  local module status=0
  for module in $(go_modules); do
    printf '== %s\n' "$module"
    (cd "$module" && "$@") || status=1
  done
  return "$status"
}

# All checks and tests share packages that are compiled with the race detector, because compiling the platform's
# dependencies a second time without it takes minutes on a new machine.
with_race() {
  GOFLAGS="${GOFLAGS:+$GOFLAGS }-race" "$@"
}

# go_tool NAME: the path of a tool that tests/tools/go.mod pins, compiled on first use.
go_tool() {
  go -C "$ROOT/tests/tools" tool -n "$1"
}

# Prints what the formatter would change. Generated code keeps the format of its generator.
check_go_format() {
  local gofumpt
  gofumpt=$(go_tool gofumpt)
  git ls-files -z '*.go' ':!*.pb.go' | xargs -0 "$gofumpt" -d
}

# Tests with the build tag `integration` are compiled, too.
check_go_vet() {
  with_race in_go_modules go vet -tags=integration ./...
}

check_go_static() {
  local staticcheck
  staticcheck=$(go_tool staticcheck)
  with_race in_go_modules "$staticcheck" -tags=integration ./...
}

# Where govulncheck reads known vulnerabilities.
vulnerability_database_answers() {
  python -c 'import requests; requests.get("https://vuln.go.dev/index/db.json", timeout=5).raise_for_status()' 2>/dev/null
}

check_go_vulnerabilities() {
  local govulncheck
  govulncheck=$(go_tool govulncheck)
  with_race in_go_modules "$govulncheck" ./...
}

compiles_c() {
  printf '#include <stdlib.h>\nint main(void) { return 0; }\n' | "$(go env CC)" -x c -o /dev/null - 2>/dev/null
}

# What is compiled with the race detector is linked by a C compiler, except on macOS.
ensure_c_compiler() {
  if [[ "$(uname -s)" == Darwin ]] || compiles_c; then
    return
  fi
  # In a subshell: without root it ends the script, but other steps can still run.
  have_apt && (apt_install gcc libc6-dev) && compiles_c && return
  warn "Go cannot use its race detector: no C compiler is installed." "Install gcc and the headers of the C library."
}
