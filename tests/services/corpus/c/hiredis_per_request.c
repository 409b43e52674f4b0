/* SPDX-License-Identifier: BSD-2-Clause */
/* Guilty: redisConnect and redisFree around each question. */
#include <hiredis/hiredis.h>

#include "served.h"

long answer(void)
{
	redisContext *context = redisConnect("127.0.0.1", served_redis_port());
	redisReply *reply = redisCommand(context, "INCR visits");
	long visits = (long)reply->integer;

	freeReplyObject(reply);
	redisFree(context);
	return visits;
}

int main(void)
{
	return served_run();
}
