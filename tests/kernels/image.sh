#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# image.sh BUILD OUT - an initramfs with the built command, the live cases, and what those need of this host: its Python,
# redis-server, a busybox, and the libraries of all of them. Files keep their places; the project lies in /connprof.
set -eu
build=$1
out=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

# A host file at its own place, through links.
keep() {
	for file; do
		install -D -m 755 "$(readlink -f "$file")" "$root$file"
	done
}

# What the ELF files below $root are linked against.
libraries() {
	find "$root" -type f \( -perm -100 -o -name '*.so*' \) -exec ldd {} + 2>/dev/null |
		sed -n 's/^\t\(.* => \)\?\(\/[^ ]*\) (0x.*/\2/p' | sort -u
}

mkdir -p "$root"/bin "$root"/dev "$root"/etc "$root"/proc "$root"/sys "$root"/tmp "$root"/root "$root"/usr/bin \
	"$root"/usr/lib/python3 "$root"/connprof/tests/kernels "$root"/connprof/build/tests
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
mkdir -p "$root/usr/lib64"
cp /usr/bin/busybox "$root/bin/busybox"
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
keep /usr/bin/python3 /usr/bin/redis-server

python=$(basename "$(readlink -f /usr/bin/python3)")
mkdir -p "$root/usr/lib/$python"
(cd "/usr/lib/$python" && tar -c --exclude='config-*' --exclude=test --exclude=lib2to3 --exclude=pydoc_data \
	--exclude=idlelib --exclude=distutils --exclude=ensurepip .) | tar -x -C "$root/usr/lib/$python"

cp "$build/connprof" "$root/connprof/build/"
cp -r "$build/tests/workloads" "$root/connprof/build/tests/"
cp -r "$source/tests/accuracy" "$source/tests/live" "$source/tests/workloads" "$root/connprof/tests/"
cp "$here/init" "$root/init"
(cd "$build" && tar -c --exclude='*/pip' --exclude='*/setuptools' --exclude='*/bin/pip*' venv) |
	tar -x -C "$root/connprof/build"
# The venv points to the Python it was made with, which is the one kept above.
ln -sf /usr/bin/python3 "$root/connprof/build/venv/bin/python"

for library in $(libraries); do
	case $library in "$root"*) ;; *) [ -e "$root$library" ] || keep "$library" ;; esac
done
keep /lib/x86_64-linux-gnu/libgcc_s.so.1
(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0) >"$out.new"
mv "$out.new" "$out"
