#!/bin/sh
# The steps of the Dockerfile beside it.
#
#   build.sh probe                            the program that health checks run
#   build.sh modules                          download what the modules below /src require
#   build.sh packages "MODULE|TAGS|MAIN …"    compile what the services are made of, one line per setting
#   build.sh service MODULE MAIN TAGS KEEP    link a service; KEEP is the folder that it reads at run time, if any
set -eu

# The bundle is empty where the host trusts nothing of its own; then the image's certificates are the right ones.
if [ -s /build/ca-bundle.crt ]; then
  export SSL_CERT_FILE=/build/ca-bundle.crt
fi

# The same program for the same source, wherever and whenever it is built: an image changes only when it has to.
flags() {
  echo "-trimpath -buildvcs=false -pgo=off"
}

case $1 in
  probe)
    cd /build/reload
    # shellcheck disable=SC2046 # several flags, none of them with a blank
    go build $(flags) -ldflags='-s -w' -o /out/cloudlab/bin/runner ./cmd/runner
    ;;
  modules)
    find /src \( -name go.work -o -name go.mod \) | sort | while read -r file; do
      cd "$(dirname "$file")"
      # A module file may name folders of the checkout that are not there yet; what is missing then comes with the build.
      go mod download || echo "the modules of $file come later" >&2
    done
    ;;
  packages)
    echo "$2" | while IFS='|' read -r module tags mains; do
      cd "/src/$module"
      # What cannot be compiled is the matter of the service that needs it.
      # shellcheck disable=SC2046,SC2086 # several flags and packages
      go list -export -e -f '' -tags="$tags" $(flags) -ldflags='-s -w' $mains || true
    done
    ;;
  service)
    cd "/src/$2"
    # shellcheck disable=SC2046 # several flags
    go build $(flags) -ldflags='-s -w' -tags="$4" -o /out/cloudlab/service "$3"
    if [ -n "$5" ]; then
      mkdir -p "/out/src/$5"
      cp -R "/src/$5/." "/out/src/$5/"
    fi
    ;;
esac
