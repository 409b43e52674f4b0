/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * resp_commands.c - the commands of Redis (to 8.0; Valkey's are the same) with what each says about its connection.
 *
 * One table, sorted by byte value for bsearch. Sources: the command reference of Redis 7.2 and 8.0.
 */
#include "protocol/resp_commands.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LENGTH 24

static const struct command {
	char name[NAME_MAX_LENGTH];
	uint8_t traits; /* beside RESP_KNOWN, which all have */
} commands[] = {
	{"ACL", 0}, {"APPEND", 0}, {"ASKING", RESP_HANDSHAKE}, {"AUTH", RESP_HANDSHAKE | RESP_INLINE},
	{"BGREWRITEAOF", 0}, {"BGSAVE", 0}, {"BITCOUNT", 0}, {"BITFIELD", 0}, {"BITFIELD_RO", 0}, {"BITOP", 0},
	{"BITPOS", 0}, {"BLMOVE", RESP_BLOCKS | RESP_POPS}, {"BLMPOP", RESP_BLOCKS | RESP_POPS},
	{"BLPOP", RESP_BLOCKS | RESP_POPS}, {"BRPOP", RESP_BLOCKS | RESP_POPS}, {"BRPOPLPUSH", RESP_BLOCKS | RESP_POPS},
	{"BZMPOP", RESP_BLOCKS | RESP_POPS}, {"BZPOPMAX", RESP_BLOCKS | RESP_POPS}, {"BZPOPMIN", RESP_BLOCKS | RESP_POPS},
	{"CLIENT", RESP_HANDSHAKE}, {"CLUSTER", RESP_HANDSHAKE},
	{"COMMAND", RESP_HANDSHAKE | RESP_INLINE}, {"CONFIG", RESP_HANDSHAKE}, {"COPY", 0}, {"DBSIZE", 0},
	{"DEBUG", 0}, {"DECR", 0}, {"DECRBY", 0}, {"DEL", 0}, {"DISCARD", 0}, {"DUMP", 0}, {"ECHO", RESP_HANDSHAKE},
	{"EVAL", 0}, {"EVALSHA", 0}, {"EVALSHA_RO", 0}, {"EVAL_RO", 0}, {"EXEC", 0}, {"EXISTS", 0}, {"EXPIRE", 0},
	{"EXPIREAT", 0}, {"EXPIRETIME", 0}, {"FAILOVER", 0}, {"FCALL", 0}, {"FCALL_RO", 0}, {"FLUSHALL", 0},
	{"FLUSHDB", 0}, {"FUNCTION", 0}, {"GEOADD", 0}, {"GEODIST", 0}, {"GEOHASH", 0}, {"GEOPOS", 0},
	{"GEORADIUS", 0}, {"GEORADIUSBYMEMBER", 0}, {"GEORADIUSBYMEMBER_RO", 0}, {"GEORADIUS_RO", 0},
	{"GEOSEARCH", 0}, {"GEOSEARCHSTORE", 0}, {"GET", 0}, {"GETBIT", 0}, {"GETDEL", 0}, {"GETEX", 0},
	{"GETRANGE", 0}, {"GETSET", 0}, {"HDEL", 0}, {"HELLO", RESP_HANDSHAKE | RESP_INLINE}, {"HEXISTS", 0},
	{"HEXPIRE", 0}, {"HGET", 0}, {"HGETALL", 0}, {"HGETDEL", 0}, {"HGETEX", 0}, {"HINCRBY", 0},
	{"HINCRBYFLOAT", 0}, {"HKEYS", 0}, {"HLEN", 0}, {"HMGET", 0}, {"HMSET", 0}, {"HPERSIST", 0}, {"HPEXPIRE", 0},
	{"HPTTL", 0}, {"HRANDFIELD", 0}, {"HSCAN", 0}, {"HSET", 0}, {"HSETEX", 0}, {"HSETNX", 0}, {"HSTRLEN", 0},
	{"HTTL", 0}, {"HVALS", 0}, {"INCR", 0}, {"INCRBY", 0}, {"INCRBYFLOAT", 0},
	{"INFO", RESP_HANDSHAKE | RESP_INLINE}, {"KEYS", 0}, {"LASTSAVE", 0}, {"LATENCY", 0}, {"LCS", 0},
	{"LINDEX", 0}, {"LINSERT", 0}, {"LLEN", 0}, {"LMOVE", 0}, {"LMPOP", 0}, {"LOLWUT", 0}, {"LPOP", 0},
	{"LPOS", 0}, {"LPUSH", 0}, {"LPUSHX", 0}, {"LRANGE", 0}, {"LREM", 0}, {"LSET", 0}, {"LTRIM", 0},
	{"MEMORY", 0}, {"MGET", 0}, {"MIGRATE", 0}, {"MODULE", 0}, {"MONITOR", RESP_SUBSCRIBES | RESP_INLINE},
	{"MOVE", 0}, {"MSET", 0}, {"MSETNX", 0}, {"MULTI", 0}, {"OBJECT", 0}, {"PERSIST", 0}, {"PEXPIRE", 0},
	{"PEXPIREAT", 0}, {"PEXPIRETIME", 0}, {"PFADD", 0}, {"PFCOUNT", 0}, {"PFMERGE", 0},
	{"PING", RESP_HANDSHAKE | RESP_INLINE}, {"PSETEX", 0}, {"PSUBSCRIBE", RESP_SUBSCRIBES},
	{"PSYNC", RESP_SUBSCRIBES}, {"PTTL", 0}, {"PUBLISH", 0}, {"PUBSUB", 0}, {"PUNSUBSCRIBE", 0},
	{"QUIT", RESP_HANDSHAKE}, {"RANDOMKEY", 0}, {"READONLY", RESP_HANDSHAKE}, {"READWRITE", RESP_HANDSHAKE},
	{"RENAME", 0}, {"RENAMENX", 0}, {"REPLCONF", 0}, {"REPLICAOF", 0}, {"RESET", RESP_HANDSHAKE}, {"RESTORE", 0},
	{"ROLE", RESP_HANDSHAKE | RESP_INLINE}, {"RPOP", 0}, {"RPOPLPUSH", 0}, {"RPUSH", 0}, {"RPUSHX", 0},
	{"SADD", 0}, {"SAVE", 0}, {"SCAN", 0}, {"SCARD", 0}, {"SCRIPT", 0}, {"SDIFF", 0}, {"SDIFFSTORE", 0},
	{"SELECT", RESP_HANDSHAKE | RESP_INLINE}, {"SENTINEL", RESP_HANDSHAKE}, {"SET", 0}, {"SETBIT", 0},
	{"SETEX", 0}, {"SETNX", 0}, {"SETRANGE", 0}, {"SHUTDOWN", 0}, {"SINTER", 0}, {"SINTERCARD", 0},
	{"SINTERSTORE", 0}, {"SISMEMBER", 0}, {"SLAVEOF", 0}, {"SLOWLOG", 0}, {"SMEMBERS", 0}, {"SMISMEMBER", 0},
	{"SMOVE", 0}, {"SORT", 0}, {"SORT_RO", 0}, {"SPOP", 0}, {"SPUBLISH", 0}, {"SRANDMEMBER", 0}, {"SREM", 0},
	{"SSCAN", 0}, {"SSUBSCRIBE", RESP_SUBSCRIBES}, {"STRLEN", 0}, {"SUBSCRIBE", RESP_SUBSCRIBES}, {"SUBSTR", 0},
	{"SUNION", 0}, {"SUNIONSTORE", 0}, {"SUNSUBSCRIBE", 0}, {"SWAPDB", 0}, {"SYNC", RESP_SUBSCRIBES},
	{"TIME", 0}, {"TOUCH", 0}, {"TTL", 0}, {"TYPE", 0}, {"UNLINK", 0}, {"UNSUBSCRIBE", 0}, {"UNWATCH", 0},
	{"WAIT", 0}, {"WAITAOF", 0}, {"WATCH", 0}, {"XACK", 0}, {"XADD", 0}, {"XAUTOCLAIM", 0}, {"XCLAIM", 0},
	{"XDEL", 0}, {"XGROUP", 0}, {"XINFO", 0}, {"XLEN", 0}, {"XPENDING", 0}, {"XRANGE", 0},
	{"XREAD", RESP_BLOCK_OPTION}, {"XREADGROUP", RESP_BLOCK_OPTION}, {"XREVRANGE", 0}, {"XSETID", 0},
	{"XTRIM", 0}, {"ZADD", 0}, {"ZCARD", 0}, {"ZCOUNT", 0}, {"ZDIFF", 0}, {"ZDIFFSTORE", 0}, {"ZINCRBY", 0},
	{"ZINTER", 0}, {"ZINTERCARD", 0}, {"ZINTERSTORE", 0}, {"ZLEXCOUNT", 0}, {"ZMPOP", 0}, {"ZMSCORE", 0},
	{"ZPOPMAX", 0}, {"ZPOPMIN", 0}, {"ZRANDMEMBER", 0}, {"ZRANGE", 0}, {"ZRANGEBYLEX", 0}, {"ZRANGEBYSCORE", 0},
	{"ZRANGESTORE", 0}, {"ZRANK", 0}, {"ZREM", 0}, {"ZREMRANGEBYLEX", 0}, {"ZREMRANGEBYRANK", 0},
	{"ZREMRANGEBYSCORE", 0}, {"ZREVRANGE", 0}, {"ZREVRANGEBYLEX", 0}, {"ZREVRANGEBYSCORE", 0}, {"ZREVRANK", 0},
	{"ZSCAN", 0}, {"ZSCORE", 0}, {"ZUNION", 0}, {"ZUNIONSTORE", 0},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static int compare(const void *name, const void *command)
{
	return strcmp(name, ((const struct command *)command)->name);
}

static const struct command *find(const char *name, size_t length)
{
	char upper[NAME_MAX_LENGTH];

	if (length == 0 || length >= sizeof(upper))
		return NULL;
	for (size_t i = 0; i < length; i++)
		upper[i] = name[i] >= 'a' && name[i] <= 'z' ? name[i] - 'a' + 'A' : name[i];
	upper[length] = '\0';
	return bsearch(upper, commands, COMMAND_COUNT, sizeof(commands[0]), compare);
}

unsigned resp_command_traits(const char *name, size_t length)
{
	const struct command *found = find(name, length);

	return found ? RESP_KNOWN | found->traits : 0;
}

unsigned resp_command_id(const char *name, size_t length)
{
	const struct command *found = find(name, length);

	return found ? (unsigned)(found - commands) + 1 : 0;
}

const char *resp_command_name(unsigned id)
{
	return id && id <= COMMAND_COUNT ? commands[id - 1].name : NULL;
}

bool resp_commands_sorted(void)
{
	for (size_t i = 1; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i - 1].name, commands[i].name) >= 0)
			return false;
	return true;
}
