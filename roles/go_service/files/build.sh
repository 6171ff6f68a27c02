#!/bin/sh
# The build steps of the Dockerfile in this directory.
#
#   build.sh probe                            build the program that runs the health checks
#   build.sh packages "MODULE|TAGS|MAIN …"    compile the packages of the services, one line per combination of flags
#   build.sh service MODULE MAIN TAGS KEEP    link a service; KEEP is a directory to read at run time, if any
set -eu

# The bundle is empty if the host has no additional CA certificates; then the image's certificates apply.
if [ -s /build/ca-bundle.crt ]; then
  export SSL_CERT_FILE=/build/ca-bundle.crt
fi

# Reproducible builds: an image changes only when its source does.
flags() {
  echo "-trimpath -gcflags=all=-dwarf=false -buildvcs=false -pgo=off"
}

case $1 in
  probe)
    cd /build/reload
    # shellcheck disable=SC2046 # several flags, none of which contains a space
    go build $(flags) -ldflags='-s -w' -o /out/cloudlab/bin/runner ./cmd/runner
    ;;
  packages)
    echo "$2" | while IFS='|' read -r module tags mains; do
      cd "/src/$module"
      # Compile errors are reported when the service that has them is built.
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
