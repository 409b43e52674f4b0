/* SPDX-License-Identifier: BSD-2-Clause */
/* clients.c - the tables of client libraries. Function names are the last part of a qualified name; files are parts of a path. */
#include "model/clients.h"

#include <string.h>

/* One frame to look for. "" stands for any. */
struct sign {
	const char *function, *file;
};

static const struct {
	const char *library;
	struct sign sign;
} libraries[] = {
	{ "redis-py", { "", "/redis/connection.py" } },
	{ "redis-py", { "", "/redis/asyncio/connection.py" } },
	{ "aioredis", { "", "/aioredis/" } },
	{ "pymemcache", { "", "/pymemcache/" } },
	{ "PyMySQL", { "", "/pymysql/" } },
	{ "mysql-connector-python", { "", "/mysql/connector/" } },
	{ "mysqlclient", { "", "/MySQLdb/" } },
	{ "aiomysql", { "", "/aiomysql/" } },
	{ "psycopg2", { "", "/psycopg2/" } },
	{ "psycopg", { "", "/psycopg/" } },
	{ "pg8000", { "", "/pg8000/" } },
	{ "asyncpg", { "", "/asyncpg/" } },
	{ "urllib3", { "", "/urllib3/" } },
	{ "redigo", { "", "/gomodule/redigo" } },
	{ "go-redis", { "", "/redis/go-redis/" } },
	{ "phpredis", { "", "/redis.so" } },
	{ "predis", { "", "/predis/" } },
	{ "redis-rb", { "", "/redis-client-" } },
	{ "redis-rb", { "", "/gems/redis-" } },
	{ "hiredis", { "redisConnect", "" } },
	{ "hiredis", { "redisConnectWithTimeout", "" } },
	{ "hiredis", { "redisConnectWithOptions", "" } },
	{ "hiredis", { "redisAsyncConnect", "" } },
};

/* Methods that connect, and whose self is the pool: not a client's, which may be one of many on the same pool, nor the
 * connection's own. None of them uses self in a function within (then it cannot be read: runtime.h, self_known). */
static const struct sign pool_methods[] = {
	{ "get_connection", "/redis/connection.py" },
	{ "get_connection", "/redis/asyncio/connection.py" },
	{ "get_connection", "/valkey/connection.py" },
	{ "get_connection", "/valkey/asyncio/connection.py" },
	{ "get_connection", "/aioredis/connection.py" },
	{ "urlopen", "/urllib3/connectionpool.py" },
	{ "handle_request", "/httpcore/_sync/connection_pool.py" },
	{ "handle_async_request", "/httpcore/_async/connection_pool.py" },
	{ "connect", "/aiohttp/connector.py" },
	{ "_do_get", "/sqlalchemy/pool/" },
	{ "_connect", "/psycopg2/pool.py" },
	{ "_connect", "/psycopg_pool/" },
	{ "_get_new_connection", "/asyncpg/pool.py" },
	{ "_fill_free_pool", "/aiomysql/pool.py" },
	{ "add_connection", "/mysql/connector/pooling.py" },
	{ "get_connection", "/mysql/connector/pooling.py" },
	{ "steady_connection", "/dbutils/pooled_db.py" },
	{ "_connect", "/playhouse/pool.py" },
	{ "connect", "/pymongo/pool.py" },
	{ "connect", "/pymongo/synchronous/pool.py" },
	{ "connect", "/pymongo/asynchronous/pool.py" },
};

/* Looked for from the innermost frame outwards, the first table before the second: `disconnect` is on every such stack, what called it
 * is what tells. A finalizer may run anywhere (the collector interrupts whatever allocates), so the innermost sign counts. */
struct close_sign {
	struct sign sign;
	enum cause_id cause;
};

static const struct close_sign telling[] = {
	{ { "__del__", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "sock_finalize", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "subtype_dealloc", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "gc_collect_main", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "redisFree", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "redisAsyncFree", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "release", "/redis/" }, CAUSE_POOL_DROPPED_IT },
	{ { "release", "/aioredis/" }, CAUSE_POOL_DROPPED_IT },
	{ { "_put_conn", "/urllib3/" }, CAUSE_POOL_DROPPED_IT },
	{ { "_do_return_conn", "/sqlalchemy/pool/" }, CAUSE_POOL_DROPPED_IT },
	{ { "Put", "/redis/go-redis/" }, CAUSE_POOL_DROPPED_IT },
	{ { "put", "/gomodule/redigo" }, CAUSE_POOL_DROPPED_IT },
	{ { "free_redis_object", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "evict", "" }, CAUSE_POOL_DROPPED_IT },
	{ { "trim", "" }, CAUSE_POOL_DROPPED_IT },
};

/* Closed by name, by whoever called it: that the client is not used again after that is likely, and not certain. */
static const struct close_sign hinting[] = {
	{ { "__exit__", "/redis/client.py" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "close", "/redis/client.py" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "aclose", "/redis/asyncio/client.py" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "close", "/redis/asyncio/client.py" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "close", "/redis/connection.py" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "disconnect", "/redis/" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "close", "/pymysql/" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "close", "/pg8000/" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "close", "/pymemcache/" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "Close", "/redis/go-redis/" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "Close", "/gomodule/redigo" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "PQfinish", "" }, CAUSE_THROW_AWAY_CLIENT },
	{ { "mysql_close", "" }, CAUSE_THROW_AWAY_CLIENT },
};

/* Servers that run a handler to its end in one thread: an event loop inside one of them was made for the request. */
static const struct sign synchronous_servers[] = {
	{ "", "/gunicorn/workers/sync.py" }, { "", "/gunicorn/workers/gthread.py" }, { "wsgi_app", "/flask/" },
	{ "", "/wsgiref/" }, { "", "/http/server.py" }, { "", "/socketserver.py" }, { "", "/django/core/handlers/wsgi.py" },
	{ "", "/waitress/" }, { "", "/cheroot/" },
};

static const char *bare(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot[1] ? dot + 1 : name;
}

static bool shows(const struct connprof_recording *recording, uint32_t frame_id, const struct sign *sign)
{
	const struct frame *frame = stacks_frame(recording->stacks, frame_id);

	if (!frame || frame->kind == FRAME_NOTE)
		return false;
	if (*sign->function && strcmp(bare(strings_get(recording->strings, frame->function)), sign->function))
		return false;
	return !*sign->file || strstr(strings_get(recording->strings, frame->file), sign->file) ||
	       strstr(strings_get(recording->strings, frame->module), sign->file);
}

bool client_pool_method(const struct connprof_recording *recording, uint32_t frame)
{
	for (size_t i = 0; i < sizeof(pool_methods) / sizeof(pool_methods[0]); i++)
		if (shows(recording, frame, &pool_methods[i]))
			return true;
	return false;
}

const char *client_of_stack(const struct connprof_recording *recording, uint32_t stack)
{
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, NULL);

	for (size_t i = 0; i < count; i++)
		for (size_t l = 0; l < sizeof(libraries) / sizeof(libraries[0]); l++)
			if (shows(recording, frames[i], &libraries[l].sign))
				return libraries[l].library;
	return NULL;
}

static enum cause_id look_up(const struct connprof_recording *recording, uint32_t stack, const struct close_sign *signs,
			     size_t sign_count)
{
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, NULL);

	for (size_t i = 0; i < count; i++)
		for (size_t s = 0; s < sign_count; s++)
			if (shows(recording, frames[i], &signs[s].sign))
				return signs[s].cause;
	return CAUSE_NONE;
}

enum cause_id client_close_cause(const struct connprof_recording *recording, uint32_t stack, bool *hint)
{
	enum cause_id cause = look_up(recording, stack, telling, sizeof(telling) / sizeof(telling[0]));

	*hint = !cause;
	return cause ? cause : look_up(recording, stack, hinting, sizeof(hinting) / sizeof(hinting[0]));
}

bool client_loop_per_request(const struct connprof_recording *recording, uint32_t stack)
{
	static const struct sign loops[] = { { "run", "/asyncio/runners.py" }, { "run_until_complete", "/asyncio/" } };
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, NULL);
	bool inside = false;

	for (size_t i = 0; i < count; i++) {
		inside |= shows(recording, frames[i], &loops[0]) || shows(recording, frames[i], &loops[1]);
		for (size_t s = 0; inside && s < sizeof(synchronous_servers) / sizeof(synchronous_servers[0]); s++)
			if (shows(recording, frames[i], &synchronous_servers[s]))
				return true;
	}
	return false;
}

/* The first row that fits: library is a prefix, "" any; RULE_NONE and CAUSE_NONE stand for any. */
static const struct {
	const char *library;
	enum rule_id rule;
	enum cause_id cause;
	const char *text;
} remedies[] = {
	{ "redis-py", RULE_NONE, CAUSE_THROW_AWAY_CLIENT,
	  "Build the client once, at module level, and use it everywhere: `pool = redis.ConnectionPool(...)` outside of any "
	  "function or class, then `redis.Redis(connection_pool=pool)` in the handlers. A pool made in __init__ or in a handler "
	  "lives as long as that object and takes its connections with it." },
	{ "redis-py", RULE_NONE, CAUSE_POOL_DROPPED_IT,
	  "The pool gives connections up instead of keeping them: raise `max_connections` of the ConnectionPool (or use a "
	  "BlockingConnectionPool) to at least the number of threads that use it at once. Take disconnect() and close() out of what runs "
	  "for each request: a connection that is released goes back to the pool." },
	{ "redis-py", RULE_NONE, CAUSE_LOOP_PER_REQUEST,
	  "Each request runs its own event loop (asyncio.run), and a connection cannot outlive its loop: keep one loop for the "
	  "process, or use the synchronous redis.Redis with a module-level ConnectionPool here." },
	{ "redis-py", RULE_NONE, CAUSE_THREAD_PER_REQUEST,
	  "Each request runs in a thread of its own and the client is kept per thread: share one module-level redis.Redis (it is "
	  "safe to share between threads), or serve requests from a fixed set of threads." },
	{ "redis-py", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Close what is opened (`with redis.Redis(...) as client:`, or `await client.aclose()`), or better, make one client at "
	  "module level; look for clients kept in a list, a cache or an exception." },
	{ "redis-py", RULE_NONE, CAUSE_NONE,
	  "Build one `redis.ConnectionPool` at module level and give it to every `redis.Redis(connection_pool=pool)`." },
	{ "hiredis", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Every redisConnect needs its redisFree, on the error paths too; better, keep one redisContext for each thread." },
	{ "hiredis", RULE_NONE, CAUSE_NONE,
	  "Keep one redisContext for each thread (or a pool of them) and use it for all requests, instead of redisConnect and "
	  "redisFree around each; call redisReconnect after an error." },
	{ "go-redis", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Close every client and subscription on each path (`defer client.Close()`), or better, make one redis.NewClient for the program: "
	  "it is safe to share and holds the pool." },
	{ "go-redis", RULE_NONE, CAUSE_NONE,
	  "Make one redis.NewClient when the program starts and share it: it is safe for concurrent use and holds the pool. If it is one "
	  "already, raise PoolSize and MaxIdleConns to the number of requests served at once." },
	{ "redigo", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Give each connection back on every path: `defer connection.Close()` right after pool.Get() or redis.Dial()." },
	{ "redigo", RULE_NONE, CAUSE_NONE,
	  "Take connections from one redis.Pool whose MaxIdle is the number of requests served at once: its default, 0, keeps none, so "
	  "that each Get dials." },
	{ "ioredis", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Call quit() or disconnect() on each client that is done (a BullMQ Queue or Worker: close()), or better, make one `new Redis()` "
	  "at module level: one connection carries all requests." },
	{ "ioredis", RULE_NONE, CAUSE_NONE,
	  "Make one `new Redis()` at module level (with BullMQ, one Queue) and use it in every handler: one connection carries all "
	  "requests at once, and only subscribers and blocking commands need one of their own." },
	{ "node-redis", RULE_NONE, CAUSE_NONE,
	  "Make one client at module level, `await client.connect()` once when the process starts, and use it in every handler: one "
	  "connection carries all requests at once (createClientPool for blocking commands)." },
	{ "jedis", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Give each Jedis back on every path: `try (var jedis = pool.getResource())`; or use one JedisPooled, which does it itself." },
	{ "jedis", RULE_NONE, CAUSE_NONE,
	  "Keep one JedisPooled (or JedisPool) for the application, with maxIdle as large as maxTotal: a pool closes what is returned "
	  "beyond maxIdle, and the next borrow connects again." },
	{ "Lettuce", RULE_NONE, CAUSE_NONE,
	  "Call connect() once and share the StatefulRedisConnection between all threads: it is made for that. Only transactions and "
	  "blocking commands need connections of their own, from ConnectionPoolSupport." },
	{ "phpredis", RULE_NONE, CAUSE_NONE,
	  "Use pconnect() instead of connect(): the worker process keeps the connection for its next request." },
	{ "predis", RULE_NONE, CAUSE_NONE,
	  "Give the client `'persistent' => true` in its connection parameters: the worker process keeps the connection for its next "
	  "request." },
	{ "redis-client", RULE_NONE, CAUSE_NONE,
	  "Make one `RedisClient.config(...).new_pool(size: THREADS)` (or ConnectionPool of Redis.new) in an initializer and use it "
	  "everywhere, instead of Redis.new in a request or a job." },
	{ "redis-rb", RULE_NONE, CAUSE_NONE,
	  "Make one `ConnectionPool.new(size: THREADS) { Redis.new }` in an initializer and use it everywhere, instead of Redis.new in a "
	  "request or a job." },
	{ "redis-rs", RULE_NONE, CAUSE_NONE,
	  "Every get_connection() of redis-rs is a new connection: keep one MultiplexedConnection (or ConnectionManager) and clone it, or "
	  "take connections from an r2d2, bb8 or deadpool pool made at the start." },
	{ "SE.Redis", RULE_NONE, CAUSE_NONE,
	  "Keep one ConnectionMultiplexer for the process (a static Lazy<ConnectionMultiplexer>, or a singleton in the container): it "
	  "is made to be shared, and ConnectionMultiplexer.Connect opens two sockets each time." },
	{ "aioredis", RULE_NONE, CAUSE_NONE,
	  "Make one client in the application's start-up (`app.state.redis = aioredis.from_url(...)`, a lifespan or on_startup handler) "
	  "and close it at shutdown; handlers use that one." },
	{ "urllib3", RULE_NONE, CAUSE_NONE,
	  "Make one Session (or PoolManager) at module level and send every request through it." },
	{ "", RULE_NONE, CAUSE_PROCESS_PER_REQUEST,
	  "Each request runs in a process of its own: serve them from processes that stay (a prefork server with a high "
	  "max-requests), each with one connection pool." },
	{ "", RULE_NONE, CAUSE_THREAD_PER_REQUEST,
	  "Each request runs in a thread of its own and opens its own connection: share one client between the threads, or "
	  "serve requests from a fixed set of threads." },
	{ "", RULE_NONE, CAUSE_LOOP_PER_REQUEST,
	  "Each request runs its own event loop: keep one loop for the process, and one client in it." },
	{ "", RULE_NONE, CAUSE_POOL_DROPPED_IT,
	  "The pool is too small or keeps too few idle connections: raise its idle and total limits to the number of requests "
	  "served at once. Give connections back to it after each request instead of closing them." },
	{ "", RULE_CONNECTION_LEAK, CAUSE_NONE,
	  "Close each connection on every path, error paths too, or give it back to a pool that is made once." },
	{ "", RULE_NONE, CAUSE_NONE,
	  "Make one client (or pool) when the process starts, outside of the code that runs for each request or job, and use it "
	  "everywhere." },
};

/* Of a pool that requests share, when it leaks. */
static const char *const shared_leak = "Give each connection back to the pool on every path, error paths too (`try: ... finally: "
				       "pool.release(connection)`, or a `with` block), and look for code that takes one and keeps it.";

/* Frameworks that hold the client: theirs is the setting to change. Frames of the connecting stack; the first row that is there. */
static const struct {
	struct sign sign;
	enum cause_id cause; /* NONE: any but a thread's, which is seldom the framework's doing */
	const char *text;
} frameworks[] = {
	{ { "", "/django/core/cache/" }, CAUSE_NONE,
	  "Django makes a cache object, and with it a pool, for each thread, and under ASGI for each request: use django-redis, whose pool "
	  "belongs to the process (with DJANGO_REDIS_CLOSE_CONNECTION left off), or serve with WSGI workers whose threads stay." },
	{ { "", "/django_redis/" }, CAUSE_NONE,
	  "Leave DJANGO_REDIS_CLOSE_CONNECTION off: with it, django-redis closes its pool at the end of each request." },
	{ { "", "/celery/backends/" }, CAUSE_NONE,
	  "Celery keeps a result backend, and so a connection, for each thread: set `result_backend_thread_safe = True` to share one, or "
	  "call it from threads that stay; `ignore_result=True` where nobody reads the result." },
	{ { "", "/celery/backends/" }, CAUSE_THREAD_PER_REQUEST,
	  "Celery keeps a result backend, and so a connection, for each thread: set `result_backend_thread_safe = True` to share one, or "
	  "call it from threads that stay." },
	{ { "", "/rq/worker" }, CAUSE_PROCESS_PER_REQUEST,
	  "RQ's default worker forks a process for each job, and each connects anew: run short jobs with `rq worker --worker-class "
	  "rq.SimpleWorker`, which stays in one process." },
	{ { "", "/rq/" }, CAUSE_NONE,
	  "Make one Redis client and one Queue at module level (`queue = Queue(connection=redis.Redis(...))`) and enqueue through them, "
	  "instead of building them for each call." },
	{ { "", "/flask_caching/" }, CAUSE_NONE,
	  "Make one Cache object at module level and bind it once with init_app: it holds the pool." },
	{ { "", "/limits/storage/" }, CAUSE_NONE,
	  "Make the limiter's storage once, at module level: each Limiter (or storage_from_string) builds a pool of its own." },
	{ { "", "/redis/asyncio/" }, CAUSE_THROW_AWAY_CLIENT,
	  "Make one `redis.asyncio.Redis` for the event loop, in the application's start-up (a lifespan or on_startup handler), hand it to "
	  "the handlers and `await client.aclose()` at shutdown; a dependency that yields a new client opens a connection for each request." },
	{ { "", "/redis/asyncio/" }, CAUSE_NONE,
	  "Make one `redis.asyncio.Redis` for the event loop, in the application's start-up, and let every handler use it." },
};

static const char *framework_remedy(const struct connprof_recording *recording, uint32_t stack, enum rule_id rule, enum cause_id cause)
{
	size_t count;
	const uint32_t *frames = stacks_get(recording->stacks, stack, &count, NULL);

	if (rule == RULE_CONNECTION_LEAK || cause == CAUSE_LOOP_PER_REQUEST)
		return NULL;
	for (size_t f = 0; f < sizeof(frameworks) / sizeof(frameworks[0]); f++) {
		bool fits = frameworks[f].cause ? frameworks[f].cause == cause : cause != CAUSE_THREAD_PER_REQUEST;

		for (size_t i = 0; i < count && fits; i++)
			if (shows(recording, frames[i], &frameworks[f].sign))
				return frameworks[f].text;
	}
	return NULL;
}

const char *client_remedy(const struct connprof_recording *recording, const struct site_row *row)
{
	const char *library = strings_get(recording->strings, row->library), *text;
	enum rule_id rule = row->rule;
	enum cause_id cause = row->cause;

	if (rule == RULE_CONNECTION_LEAK && row->pooling == POOLING_SHARED)
		return shared_leak;
	text = framework_remedy(recording, row->stack, rule, cause);
	if (text)
		return text;
	for (size_t i = 0; i < sizeof(remedies) / sizeof(remedies[0]); i++)
		if (!strncmp(library, remedies[i].library, strlen(remedies[i].library)) &&
		    (!remedies[i].rule || remedies[i].rule == rule) && (!remedies[i].cause || remedies[i].cause == cause))
			return remedies[i].text;
	return "";
}
