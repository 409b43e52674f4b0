# SPDX-License-Identifier: BSD-2-Clause
"""The corpus: one row a case. To add one: a service file in its runtime's folder, and a row here.

guilty(RUNTIME, NAME, FAMILY, …) or innocent(RUNTIME, NAME, FAMILY, …). NAME is the service's file. FAMILY says which real fault or which
innocent look-alike it stands for. What else a row may say is in Case.
"""
import dataclasses
import typing

from load import Http, Streams
from runtimes import PY3, PY5, PY8, Runtime
from truth import at_most, growing, one_each, subscribers


@dataclasses.dataclass
class Case:
    runtime: Runtime
    stem: str
    family: str
    guilty: bool
    claim: typing.Callable                # of truth.py: what Redis must have seen for the row to be true
    load: object                          # of load.py
    rule: str = "connection-per-request"  # of a guilty one
    site: str = "any"                     # file:function of the call site; None: nobody can be named
    cause: object = "any"                 # a cause, None, or a tuple of those that are right
    attribution: object = "any"           # the same
    verdict: tuple = ("clean",)           # verdicts that are right of an innocent one
    start: str = None                     # instead of the runtime's command
    redis: tuple = ()                     # options of its redis-server
    check: tuple = ()                     # options of connprof check
    warm: object = None                   # a load before connprof is there
    counted: bool = True                  # must connprof's number of connections be Redis's?

    @property
    def name(self):
        return f"{self.runtime.key}:{self.stem}"

    @property
    def file(self):
        return self.runtime.file(self.stem)


CASES = []


def guilty(runtime, stem, family, claim=one_each, load=None, **more):
    CASES.append(Case(runtime, stem, family, True, claim, load or Http(keep_alive=False), **more))


def innocent(runtime, stem, family, claim, load=None, **more):
    CASES.append(Case(runtime, stem, family, False, claim, load or Http(), **more))


def gunicorn(options):
    return "{bin}/gunicorn --bind 127.0.0.1:{port} --worker-tmp-dir {scratch} --log-level warning " + options + " {stem}:app"


# ---- Python ----------------------------------------------------------------------------------------------------------

THROWN = dict(cause="throw-away-client", attribution="thread")

guilty(PY5, "client_in_handler", "client built per request", site="client_in_handler.py:recent", **THROWN)
guilty(PY5, "kept_clients", "clients kept and never closed", claim=growing, rule="connection-leak", site="kept_clients.py:visit",
       cause="unclosed")
guilty(PY5, "process_per_request", "a process per request", site="process_per_request.py:items", cause="process-per-request")
guilty(PY3, "pool_per_request", "pool built per request, gunicorn sync workers", start=gunicorn("--workers 3"),
       site="pool_per_request.py:items", **THROWN)
guilty(PY8, "flask_client_per_request", "client built per request, Flask", start=gunicorn("--threads 6"),
       site="flask_client_per_request.py:cart", **THROWN)
guilty(PY8, "django_closes_cache", "Django cache closed at each request's end", start=gunicorn("--workers 2"),
       site="django_closes_cache.py:view", attribution="thread")

innocent(PY5, "module_pool", "one pool, filled at the start", at_most(6))
innocent(PY5, "events_per_client", "a subscription per client (server-sent events)", subscribers(40), Streams())
innocent(PY3, "pool_per_worker", "one pool per forked worker", at_most(3), Http(keep_alive=False), start=gunicorn("--workers 3"))
innocent(PY8, "flask_pool", "one pool, Flask", at_most(6), Http(keep_alive=False), start=gunicorn("--threads 6"))
innocent(PY8, "django_cache", "Django cache as it comes", at_most(12), Http(keep_alive=False), start=gunicorn("--workers 2"))
