# SPDX-License-Identifier: BSD-2-Clause
"""The CPythons that cases run under: the newest of each minor that a version manager has, those of `make pythons` in a root file
system of their own, and the distribution's, called "system".

A case for a version is there whether the version is or not: one that is absent is a skip that is told, never silence.
"""
import collections
import functools
import os
import pathlib

import live

VERSIONS = (*(f"3.{minor}" for minor in range(6, 16)), "system")
STRIPPED = ("3.14", "3.15", "system")  # Debian's: functions of the interpreter's have no names
MANAGER = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv")) / "versions"
ROOTS = pathlib.Path(os.environ.get("CONNPROF_PYTHONS", live.BUILD / "pythons"))

Python = collections.namedtuple("Python", "version path")


def path_of(version):
    """None: it is not here."""
    if version == "system":
        paths = list(pathlib.Path("/usr/bin").glob("python3"))
    else:
        paths = sorted(MANAGER.glob(f"{version}.*/bin/python3"), key=patch_of) or sorted(ROOTS.glob(f"*/usr/bin/python{version}"))
    return str(paths[-1]) if paths else None


def patch_of(path):
    """Of …/versions/3.11.7/bin/python3 the 7."""
    patch = path.parts[-3].split(".")[2]
    return int(patch) if patch.isdigit() else -1


def python(version):
    path = path_of(version)
    if not path:
        live.missing(f"CPython {version} (in {MANAGER.name}/ under PYENV_ROOT, or `make pythons`)")
    return Python(version, path)


def found(*versions):
    """Those of these that are here: for what takes them all at once."""
    return [Python(version, path_of(version)) for version in versions if path_of(version)]


def on_pythons(*versions):
    """Marks one case per version, name_3_8, which is called with a Python."""
    def mark(function):
        @functools.wraps(function)
        def run(version):
            function(python(version))
        live.cases_for(versions, lambda version: version.replace(".", "_"))(run)
        return function
    return mark
