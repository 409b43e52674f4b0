#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fetch.sh FOLDER RELEASE... - each Debian release's own cloud kernel as FOLDER/RELEASE/vmlinuz (and its name in `name`).
# Nothing is installed: apt is given sources and a state folder of its own under FOLDER, and the package is only unpacked.
set -eu
folder=$1
shift
apt=$folder/apt
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
	awk '$2 == "Debian" { print $1; exit }')
[ -n "$mirror" ] || { echo "fetch: apt knows no Debian mirror on this host" >&2; exit 1; }

own_apt() {
	command=$1
	shift
	"$command" -q -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::State="$apt/state" -o Dir::Cache="$apt/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

# The kernel that RELEASE's metapackage stands for now.
kernel_package() {
	own_apt apt-cache -t "$1" show linux-image-cloud-amd64 |
		sed -n 's/^Depends:.*\(linux-image-[0-9][^ ,]*\).*/\1/p' | head -1
}

fetch() {
	release=$1
	rm -rf "$apt"
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$folder/$release"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$apt/sources.list"
	own_apt apt-get update >"$folder/$release/apt.log" 2>&1 || return 1
	package=$(kernel_package "$release")
	[ -n "$package" ] || { echo "no cloud kernel" >>"$folder/$release/apt.log"; return 1; }
	# Newer releases keep the image itself in a package linux-binary-… beside linux-image-….
	binary=linux-binary-${package#linux-image-}
	own_apt apt-cache show "$binary" >/dev/null 2>&1 || binary=$package
	(cd "$apt" && own_apt apt-get download "$binary") >>"$folder/$release/apt.log" 2>&1 || return 1
	dpkg -x "$apt/$binary"_*.deb "$apt/unpacked" || return 1
	image=$(find "$apt/unpacked/boot" "$apt/unpacked/usr/lib/modules" -name 'vmlinuz*' 2>/dev/null | head -1)
	[ -n "$image" ] || { echo "no image in $binary" >>"$folder/$release/apt.log"; return 1; }
	mv "$image" "$folder/$release/vmlinuz.new"
	echo "${package#linux-image-}" >"$folder/$release/name"
	mv "$folder/$release/vmlinuz.new" "$folder/$release/vmlinuz"
	rm -rf "$apt"
}

status=0
for release in "$@"; do
	[ -e "$folder/$release/vmlinuz" ] && continue
	echo "fetching the kernel of Debian $release"
	fetch "$release" || { echo "fetch: $release:" >&2; tail -3 "$folder/$release/apt.log" >&2; status=1; }
done
exit $status
