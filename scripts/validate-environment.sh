#!/usr/bin/env bash
# The same as validate.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/validate.sh" "$@"
