#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# usage: fetch.sh FOLDER VERSION...
# Makes FOLDER a minimal Debian unstable with these CPythons and their standard libraries, by debootstrap; whole or not at all.
set -eu
folder=$1
shift
missing=
packages=
for version in "$@"; do
	[ -x "$folder/usr/bin/python$version" ] || missing="$missing $version"
	packages="$packages,python$version-minimal,libpython$version-stdlib"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "pythons: must be root to make a root file system (sudo make pythons)" >&2
	exit 3
fi
"$(dirname "$0")/../deps.sh" debootstrap
# From where this machine gets its packages; debootstrap has a default of its own.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Created-By: Packages' | grep -v security | head -1)
mkdir -p "$(dirname "$folder")"
new=$(mktemp -d "$folder.XXXXXX")
chmod 755 "$new"
trap 'umount "$new/proc" "$new/sys" 2>/dev/null; rm -rf --one-file-system "$new"' EXIT INT TERM
if ! debootstrap --variant=minbase --include="${packages#,}" sid "$new" ${mirror:+"$mirror"} >"$folder.log" 2>&1; then
	tail -5 "$folder.log" >&2
	echo "pythons: no CPython$missing could be had: their tests are skipped" >&2
	exit 1
fi
rm -rf "$new/var/cache/apt" "$new/var/lib/apt/lists" --one-file-system "$folder"
mv "$new" "$folder"
trap - EXIT
