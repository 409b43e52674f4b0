# SPDX-License-Identifier: BSD-2-Clause
"""How a service of each language is started, and what of it must have been installed (make corpus-deps).

In a command: {file} {stem} the service's file and its row's name, {here} its folder, {port} {redis} the ports,
{bin} the runtime's own programs, {scratch} the run's folder. PORT, REDIS_PORT, REDIS_SOCKET and SCRATCH are in its environment.
"""
import dataclasses
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("CONNPROF_BUILD", HERE.parents[2] / "build")).resolve()
INSTALLED = BUILD / "corpus"


@dataclasses.dataclass(frozen=True)
class Runtime:
    key: str         # the first part of its cases' names
    language: str    # the row of the table by language
    folder: str      # where its service files are
    extension: str
    command: str
    bin: pathlib.Path
    needs: pathlib.Path

    def file(self, stem):
        return HERE / self.folder / (stem + self.extension)


def _python(key, venv):
    return Runtime(key, "Python", "python", ".py", "{bin}/python {file}", venv / "bin", venv / ".ready")


PY3 = _python("py3", INSTALLED / "redis-py-3")     # redis-py 3.5
PY4 = _python("py4", INSTALLED / "redis-py-4")     # redis-py 4.6
PY5 = _python("py5", BUILD / "venv")               # redis-py 5.0: the demo's
PY8 = _python("py8", INSTALLED / "redis-py-8")     # redis-py 8, and today's frameworks
NODE = Runtime("node", "Node", "node", ".js", "node {file}", pathlib.Path("/usr/bin"), INSTALLED / "node" / ".ready")
GO = Runtime("go", "Go", "go", "/main.go", "{bin}/{stem}", INSTALLED / "go", INSTALLED / "go" / ".ready")
JAVA = Runtime("java", "Java", "java", ".java", "java -XX:TieredStopAtLevel=1 -cp {bin}/classes:{bin}/lib/* {stem}", INSTALLED / "java",
               INSTALLED / "java" / ".ready")
C = Runtime("c", "C", "c", ".c", "{bin}/{stem}", INSTALLED / "c", INSTALLED / "c" / ".ready")
RUBY = Runtime("ruby", "Ruby", "ruby", ".rb", "ruby {file}", pathlib.Path("/usr/bin"), pathlib.Path("/usr/bin/ruby"))
PHP = Runtime("php", "PHP", "php", ".php", "php -S 127.0.0.1:{port} {file}", pathlib.Path("/usr/bin"), pathlib.Path("/usr/bin/php"))
LUA = Runtime("lua", "Lua (nginx)", "lua", ".lua", "sh {here}/serve.sh {file}", pathlib.Path("/usr/sbin"),
              pathlib.Path("/usr/share/lua/5.1/nginx/redis.lua"))

# Where the languages look for what corpus-deps installed, and how they behave.
ENVIRONMENT = {
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(HERE / "python"),
    "NODE_PATH": str(INSTALLED / "node" / "node_modules"),
    "PHP_CLI_SERVER_WORKERS": "4",
}
