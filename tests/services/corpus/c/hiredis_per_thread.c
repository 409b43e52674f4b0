/* SPDX-License-Identifier: BSD-2-Clause */
/* Innocent: a context for each thread, and the threads stay. */
#include <hiredis/hiredis.h>

#include "served.h"

static __thread redisContext *context;

long answer(void)
{
	redisReply *reply;
	long visits;

	if (!context)
		context = redisConnect("127.0.0.1", served_redis_port());
	reply = redisCommand(context, "INCR visits");
	visits = (long)reply->integer;
	freeReplyObject(reply);
	return visits;
}

int main(void)
{
	return served_run();
}
