#!/usr/bin/env bash
# Alias of validate.sh.
exec "$(dirname "${BASH_SOURCE[0]}")/validate.sh" "$@"
