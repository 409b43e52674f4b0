# SPDX-License-Identifier: BSD-2-Clause
"""The corpus: one row a case. To add one: a service file in its runtime's folder, and a row here.

guilty(RUNTIME, NAME, FAMILY, …) or innocent(RUNTIME, NAME, FAMILY, …). NAME is the service's file, unless `service` names
another. FAMILY says which real fault or which innocent look-alike it stands for. What else a row may say is in Case.
make check runs those of PY5, so let there be few.
"""
import dataclasses
import typing

from beside import cluster, kill_clients, proxy, reload_workers, restart, sentinel
from load import Http, Jobs, Load, Quiet, RedisClients, Repeated, Streams, ToItsEnd
from runtimes import C, GO, JAVA, LUA, NODE, PHP, PY3, PY4, PY5, PY8, RUBY, Runtime
from truth import at_least, at_most, between, growing, one_each, subscribers, waiting


@dataclasses.dataclass
class Case:
    runtime: Runtime
    stem: str
    family: str
    guilty: bool
    claim: typing.Callable                # of truth.py: what Redis must have seen for the row to be true
    load: Load                            # of load.py
    rule: object = "connection-per-request"   # of a guilty one; of this and the next two a tuple lists all that are right
    cause: object = "any"                 # None: not told
    attribution: object = "any"           # None: nobody can be named
    site: str = "any"                     # file:function of the call site; None: nobody can be named
    verdict: tuple = ("clean",)           # verdicts that are right of an innocent one
    service: str = None                   # the service's file, where it is not named as the case is
    start: str = None                     # instead of the runtime's command
    redis: tuple = ()                     # options of its redis-server
    check: tuple = ()                     # options of connprof check
    beside: object = None                 # of beside.py: what runs beside the service
    warm: Load = None                     # a load before connprof is there
    launched: bool = False                # connprof starts the service: check -- COMMAND
    counted: bool = True                  # must connprof's number of connections be Redis's?

    @property
    def name(self):
        return f"{self.runtime.key}:{self.stem}"

    @property
    def file(self):
        return self.runtime.file(self.service or self.stem)


CASES = []


def guilty(runtime, stem, family, claim=one_each, load=None, **more):
    CASES.append(Case(runtime, stem, family, True, claim, load or Http(keep_alive=False), **more))


def innocent(runtime, stem, family, claim, load=None, **more):
    CASES.append(Case(runtime, stem, family, False, claim, load or Http(), **more))


def gunicorn(options):
    return "{bin}/gunicorn --bind 127.0.0.1:{port} --worker-tmp-dir {scratch} --log-level warning " + options + " {stem}:app"


UVICORN = "{bin}/uvicorn --host 127.0.0.1 --port {port} --log-level warning {stem}:app"
# In a mount namespace of its own, whose hosts file gives one name two addresses.
TWO_ADDRESSES = """unshare --mount sh -c 'printf "::1 both.corpus\\n127.0.0.1 both.corpus\\n" > {scratch}/hosts &&
mount --bind {scratch}/hosts /etc/hosts && exec """
TLS = ("--tls-port", "{tls}", "--tls-cert-file", "{scratch}/certificate.pem", "--tls-key-file", "{scratch}/key.pem",
       "--tls-auth-clients", "no")
EITHER = ("connection-per-request", "connection-churn")  # the second, where nothing tells which job or request it was
THROWN = dict(cause="throw-away-client", attribution="thread")
LOOP = ("task", "rate")  # the second, where the frames do not show which task it is
FIFTH = Http(keep_alive=False, paths=("/cart", "/", "/", "/", "/"))
CELERY = "{bin}/celery --app {stem} worker --concurrency 3 --loglevel WARNING --without-gossip --without-mingle"
FPM = "sh {here}/fpm.sh {file}"
PYTEST = "{bin}/python -m pytest -q -p no:cacheprovider {file}"


# ---- Python ----------------------------------------------------------------------------------------------------------

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
guilty(PY8, "flask_thread_local", "a client per thread, a thread per request", site="flask_thread_local.py:cart",
       cause="thread-per-request", attribution="thread")
guilty(PY8, "celery_result_backend", "Celery's result backend per thread", site="celery_result_backend.py:state",
       attribution="thread")
guilty(PY8, "asyncio_run_in_view", "an asyncio loop per call", start=gunicorn("--threads 6"), site="asyncio_run_in_view.py:visits",
       cause="loop-per-request", attribution="thread")
guilty(PY8, "fastapi_depends", "a client per request by FastAPI's Depends", start=UVICORN, site="fastapi_depends.py:cart",
       attribution=LOOP)
guilty(PY4, "aiohttp_unclosed", "asyncio client per request, never closed", growing, rule="connection-leak",
       site="aiohttp_unclosed.py:visits", cause="unclosed")
guilty(PY8, "gevent_client_per_request", "client per request in greenlets", site="gevent_client_per_request.py:recent",
       attribution=("task", "thread"))
guilty(PY8, "gevent_greenlet_local", "a client per greenlet, a greenlet per request", site="gevent_greenlet_local.py:recent",
       attribution=("task", "thread"))
guilty(PY8, "rq_queue_per_request", "job queue built per call (RQ)", start=gunicorn("--threads 6"),
       site="rq_queue_per_request.py:order", **THROWN)
guilty(PY8, "worker_client_per_job", "client per job", load=Jobs(), rule=EITHER, site="worker_client_per_job.py:work")
guilty(PY3, "executor_per_request", "threads per request, a client per thread", at_least(1.2),
       site="executor_per_request.py:look_up")
guilty(PY8, "metrics_thread", "a timer that connects each time", at_most(60), rule="connection-churn",
       site="metrics_thread.py:report", load=Http(seconds=5))
guilty(PY8, "behind_proxy", "client per request through a proxy", beside=proxy, site="behind_proxy.py:recent", **THROWN)
guilty(PY8, "sentinel_per_request", "Sentinel asked per request", beside=sentinel, site="sentinel_per_request.py:visit",
       counted=False, **THROWN)
guilty(PY8, "unix_client_per_request", "client per request over a UNIX socket", site="unix_client_per_request.py:recent", **THROWN)
guilty(PY8, "tls_client_per_request", "client per request over TLS", load=Http(100, keep_alive=False), redis=TLS,
       site="tls_client_per_request.py:recent", **THROWN)
guilty(PY8, "django_asgi_cache", "Django's own cache under ASGI", start=UVICORN, site=None, attribution=None)
guilty(PY8, "client_per_call", "a client for each call", at_least(2.5), site="client_per_call.py:look_up", **THROWN)
guilty(PY8, "one_page_in_five", "client per request in one page of five", between(60, 70), FIFTH, site="one_page_in_five.py:cart",
       **THROWN)
guilty(PY3, "lost_on_error", "connections lost on an error path", growing, Http(400, paths=("/broken", *["/"] * 7)),
       rule="connection-leak", site="lost_on_error.py:page", cause="unclosed")
guilty(PY8, "fastapi_one_in_five", "client per request in one page of five, on one loop", between(60, 80), FIFTH, start=UVICORN,
       site="fastapi_one_in_five.py:cart", attribution=LOOP)
guilty(PY8, "celery_client_per_task", "client per Celery task", start=CELERY,
       load=Jobs(150, producer="{bin}/python celery_jobs.py"), counted=False, rule=EITHER, site="celery_client_per_task.py:deliver")
guilty(PY8, "rq_worker", "a process per job (RQ's default worker)", at_least(0.9), Jobs(40, producer="{bin}/python rq_jobs.py"),
       counted=False, rule=EITHER)
guilty(PY8, "client_in_handler", "client built per request, watched from the start", launched=True,
       site="client_in_handler.py:recent", **THROWN)
guilty(PY8, "tests_of_guilty_code", "a test-suite whose subject connects per call", between(60, 60), ToItsEnd(), launched=True,
       start=PYTEST, rule="connection-churn", site="tests_of_guilty_code.py:visits")

innocent(PY5, "module_pool", "one pool, filled at the start", at_most(6))
innocent(PY5, "events_per_client", "a subscription per client (server-sent events)", subscribers(40), Streams())
innocent(PY3, "pool_per_worker", "one pool per forked worker", at_most(3), Http(keep_alive=False), start=gunicorn("--workers 3"))
innocent(PY8, "flask_pool", "one pool, Flask", at_most(6), Http(keep_alive=False), start=gunicorn("--threads 6"))
innocent(PY8, "django_cache", "Django cache as it comes", at_most(12), Http(keep_alive=False), start=gunicorn("--workers 2"))
innocent(PY8, "pool_grows", "a pool that grows to its size under load", between(3, 12), Http(requests=400, clients=8, seconds=1.5))
innocent(PY8, "module_pool", "one pool, all of it open before the attach", at_most(6), warm=Http(60, seconds=1))
innocent(PY8, "fastapi_pool", "one pool, FastAPI", at_most(8), start=UVICORN)
innocent(PY4, "aiohttp_pool", "one pool, aiohttp", at_most(8))
innocent(PY8, "gevent_pool", "one blocking pool, greenlets", at_most(4), Http(keep_alive=False))
innocent(PY8, "executor_shared", "a client per thread, threads that stay", at_most(4))
innocent(PY8, "blocking_workers", "BLPOP workers", waiting(4), Jobs())
innocent(PY8, "long_poll", "XREAD BLOCK per reader", waiting(40), Streams())
innocent(PY8, "pool_meets_restart", "reconnects after the server's restart", at_most(60), Http(400, 8, seconds=3, during=restart),
         counted=False)
innocent(PY8, "idle_pool", "idle connections closed by the server's timeout", between(8, 60),
         Repeated(Http(60, 8, seconds=0.5), pause=3), redis=("--timeout", "1"), service="pool_grows")
innocent(PY8, "health_probe", "a health probe once a second", between(3, 12), Http(seconds=5))
innocent(PY8, "probe_beside_few_requests", "a health probe that connects as often as the service is asked", between(8, 30),
         Http(22, seconds=14), service="health_probe")
innocent(PY8, "batch_job", "a batch job: one process, one connection", at_most(1), Quiet(), verdict=("clean", "inconclusive"))
innocent(PY8, "cron_loop", "a program a second: each with one connection", between(2, 6), Quiet(5),
         verdict=("clean", "inconclusive"))
innocent(PY8, "two_addresses", "two addresses, one of them refused", at_most(6), start=TWO_ADDRESSES + "{bin}/python {file}'")
innocent(PY8, "two_sockets", "two sockets a worker: commands and a listener", between(2, 6), Http(keep_alive=False),
         start=gunicorn("--workers 3"))
innocent(PY8, "other_service", "a connection per request to something else", at_most(6))
innocent(PY8, "proxy", "a proxy", between(30, 30), RedisClients(), verdict=("clean", "inconclusive"))
innocent(PY8, "sentinel_pool", "Sentinel discovery", at_most(12), beside=sentinel, counted=False)
innocent(PY8, "cluster_pool", "cluster discovery", at_most(12), beside=cluster, redis=("--cluster-enabled", "yes"))
innocent(PY8, "unix_pool", "one pool over a UNIX socket", at_most(6))
innocent(PY8, "tls_pool", "one pool over TLS", at_most(6), redis=TLS)
innocent(PY8, "fastapi_gather", "ten commands at once in each request", between(10, 100), start=UVICORN)
innocent(PY8, "threads_keep_alive", "a client per thread, a thread per client", at_most(6))
innocent(PY8, "process_pool", "processes that stay", at_most(5))
innocent(PY8, "celery_worker", "Celery's prefork worker", at_most(30), Jobs(150, producer="{bin}/python celery_jobs.py"),
         start=CELERY, counted=False)
innocent(PY8, "rq_simple_worker", "RQ's worker without fork", at_most(20), Jobs(100, producer="{bin}/python rq_jobs.py"),
         counted=False)
innocent(PY3, "pool_per_worker_renewed", "workers replaced after some requests", between(3, 30), Http(keep_alive=False),
         start=gunicorn("--workers 3 --max-requests 25"), service="pool_per_worker")
innocent(PY8, "pool_meets_failover", "connections killed by the server, again and again", at_most(80),
         Http(400, 8, seconds=3, during=kill_clients), service="pool_meets_restart")
innocent(PY8, "pool_fills", "a pool, watched from the start", between(2, 12), Http(clients=8), launched=True, service="pool_grows")
innocent(PY8, "fixture_per_test", "a test-suite with a fresh client for each test", between(60, 60), ToItsEnd(), launched=True,
         start=PYTEST, verdict=("clean", "inconclusive"))
innocent(PY8, "client_per_customer", "a client per customer, used again and again", between(30, 30),
         Http(paths=tuple(f"/{number}" for number in range(30))))
innocent(PY8, "workers_reloaded", "gunicorn's workers renewed by SIGHUP", between(2, 20),
         Http(keep_alive=False, during=reload_workers), start=gunicorn("--workers 3"), service="pool_per_worker")

# ---- Node: connect() runs from the event loop, the caller is never on the stack --------------------------------------

guilty(NODE, "ioredis_per_request", "client per request (ioredis)", site=None, attribution=None)
guilty(NODE, "ioredis_kept", "clients never closed (ioredis)", growing, rule="connection-leak", site=None, attribution=None)
guilty(NODE, "noderedis_per_request", "connect and close per call (node-redis)", site=None, attribution=None)
guilty(NODE, "bullmq_queue_per_request", "job queue built per call (BullMQ)", site=None, attribution=None)
guilty(NODE, "ioredis_one_in_five", "client per request in one page of five (ioredis)", between(60, 62), FIFTH, rule=EITHER,
       site=None, attribution=None)

innocent(NODE, "ioredis_meets_restart", "a client that connects again (ioredis)", at_most(40), Http(during=restart), counted=False)
innocent(NODE, "ioredis_shared", "one client (ioredis)", at_most(1))
innocent(NODE, "noderedis_pool", "a pool (node-redis)", at_most(4))
innocent(NODE, "express_shared", "one client, Express", at_most(1))
innocent(NODE, "bullmq_shared", "a queue's several sockets (BullMQ)", at_most(6))
innocent(NODE, "events_per_client", "a subscription per client", subscribers(40), Streams())
innocent(NODE, "two_addresses", "two addresses, one of them refused", at_most(2), start=TWO_ADDRESSES + "node {file}'")

# ---- Go: go-redis dials in a goroutine of the pool's own, redigo in the caller's -------------------------------------

guilty(GO, "goredis_per_request", "client per request (go-redis)", site=None, cause="throw-away-client", attribution=None)
guilty(GO, "goredis_kept", "clients never closed (go-redis)", growing, rule="connection-leak", site=None, attribution=None)
guilty(GO, "redigo_dial_per_request", "dial per request (redigo)", site="main.go:visits", cause="throw-away-client",
       attribution="thread")
guilty(GO, "redigo_pool_keeps_none", "a pool that keeps none (redigo)", site="main.go:func1", cause="pool-dropped-it",
       attribution="thread")
guilty(GO, "redigo_kept", "connections never closed (redigo)", growing, rule="connection-leak", site="main.go:visits",
       cause="unclosed")
guilty(GO, "goredis_one_in_five", "client per request in one page of five (go-redis)", between(60, 70), FIFTH, rule=EITHER,
       site=None, cause="throw-away-client", attribution=None)

innocent(GO, "goredis_idle", "a pool that closes the idle ones (go-redis)", between(4, 40),
         Repeated(Http(60, 8, seconds=0.5), 4, 1.2))
innocent(GO, "goredis_shared", "one client (go-redis)", at_most(8))
innocent(GO, "goredis_lifetime", "a pool that renews its connections", between(4, 60))
innocent(GO, "goredis_events", "a subscription per client", subscribers(40), Streams())
innocent(GO, "redigo_pool", "a pool (redigo)", at_most(8))

# ---- Java: its frames are not read yet -------------------------------------------------------------------------------

guilty(JAVA, "JedisPerRequest", "client per request (Jedis)", site=None, attribution=None)
guilty(JAVA, "JedisPoolKeepsNone", "a pool that keeps none (Jedis)", site=None, attribution=None)
guilty(JAVA, "LettuceConnectPerRequest", "connect() per request (Lettuce)", site=None, attribution=None)
guilty(JAVA, "LettuceKept", "connections never closed (Lettuce)", growing, rule="connection-leak", site=None, attribution=None)

innocent(JAVA, "JedisPoolTrims", "a pool that closes the idle ones (Jedis)", between(4, 60),
         Repeated(Http(60, 8, seconds=0.5), 4, 1.2))
innocent(JAVA, "JedisPoolPrefilled", "a pool filled before its use (Jedis)", between(20, 30))
innocent(JAVA, "JedisPooledOnce", "a pool (Jedis)", at_most(8))
innocent(JAVA, "LettuceShared", "one connection for all threads (Lettuce)", at_most(1))

# ---- C ---------------------------------------------------------------------------------------------------------------

guilty(C, "hiredis_per_request", "redisConnect per request", site="hiredis_per_request.c:answer", cause="throw-away-client",
       attribution="thread")
guilty(C, "hiredis_not_freed", "redisConnect without redisFree", growing, rule="connection-leak", site="hiredis_not_freed.c:answer",
       cause="unclosed")

innocent(C, "hiredis_per_thread", "a context per thread, threads that stay", at_most(6))

# ---- Ruby, PHP, Lua: their frames are not read yet -------------------------------------------------------------------

guilty(RUBY, "redis_rb_per_request", "client per request (redis-rb)", site=None, attribution=None)
guilty(RUBY, "redis_rb_kept", "clients never closed (redis-rb)", growing, rule="connection-leak", site=None, attribution=None)
guilty(PHP, "phpredis_connect", "connect() instead of pconnect() (phpredis)", site=None, cause="throw-away-client",
       attribution=None)
guilty(PHP, "predis_per_request", "client per request (Predis)", site=None, attribution=None)
guilty(LUA, "resty_close", "close() instead of set_keepalive() (lua-resty-redis in nginx)", site=None, attribution=None)

guilty(PHP, "fpm_connect", "connect() instead of pconnect(), php-fpm behind nginx", start=FPM, service="phpredis_connect", site=None,
       attribution=None)

innocent(PHP, "predis_persistent", "a persistent connection per worker (Predis)", at_most(5), Http(keep_alive=False))
innocent(LUA, "resty_keepalive", "a pool per nginx worker (lua-resty-redis)", at_most(16))
innocent(RUBY, "redis_rb_shared", "one client (redis-rb)", at_most(1))
innocent(RUBY, "redis_rb_worker", "a job worker's two connections (redis-rb)", at_most(2), Jobs())
innocent(PHP, "phpredis_pconnect", "a persistent connection per worker (phpredis)", at_most(5), Http(keep_alive=False))
innocent(PHP, "fpm_pconnect", "a persistent connection per worker, php-fpm behind nginx", at_most(5), Http(keep_alive=False), start=FPM,
         service="phpredis_pconnect")
