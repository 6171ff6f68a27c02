#!/bin/sh
# Writes the root file system of a minimal Debian to standard output, as a tar archive for `docker import`.
#
#   rootfs.sh SUITE
#
# The mirror is the one that mmdebstrap chooses. Manuals, translations and package lists are left out, here and by every
# later installation on top of it: the exclusions stay in the image's dpkg configuration. So does `force-unsafe-io`: a
# layer is written completely or not at all, so dpkg need not flush each file to the disk.
set -eu
suite=${1:?usage: rootfs.sh SUITE}
umask 022

exec mmdebstrap \
  --variant=minbase \
  --dpkgopt='force-unsafe-io' \
  --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/lintian/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  --dpkgopt='path-exclude=/usr/share/man/*' \
  --aptopt='Acquire::Languages "none"' \
  --aptopt='Acquire::Retries "3"' \
  --aptopt='APT::Install-Recommends "false"' \
  --format=tar \
  "$suite" -
