# SPDX-License-Identifier: BSD-2-Clause
"""The recommendation service after the fix: one pool for the process, and a quiet log.

WSGI, for gunicorn. GET /recommend?user=17 answers JSON; GET /healthz touches nothing.
"""
import json
import logging
import os
from urllib.parse import parse_qs

import redis

import ranking

logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s")
log = logging.getLogger("recommend")

REDIS = {"host": os.environ["REDIS_HOST"], "port": int(os.environ["REDIS_PORT"]), "db": 1, "client_name": "recommend",
         "decode_responses": True}
POOL = redis.ConnectionPool(**REDIS)


class RecommendHandler:
    def __init__(self):
        self.redis = redis.StrictRedis(connection_pool=POOL)
        log.info("handler ready, pool %r", POOL)

    def history(self, user):
        items = self.redis.lrange(f"user:{user}:history", 0, 9)
        log.info("user %s: history of %d items: %s", user, len(items), items)
        return items

    def items(self, names):
        found = []
        for name in names:
            item = self.redis.hgetall(f"item:{name}")
            log.info("item %s: %s", name, item)
            found.append(item)
        return found

    def tops(self, categories):
        found = []
        for category in categories:
            top = self.redis.zrevrange(f"category:{category}:top", 0, 9, withscores=True)
            log.info("category %s: %d best sellers: %s", category, len(top), top)
            found.append(top)
        return found

    def recommend(self, user):
        log.info("user %s: request begins", user)
        history = self.history(user)
        categories = ranking.recent_categories(self.items(history[:1]))
        log.info("user %s: categories %s", user, categories)
        blocked = self.redis.smembers(f"user:{user}:blocked")
        log.info("user %s: %d items blocked: %s", user, len(blocked), sorted(blocked))
        scores = ranking.candidates(self.tops(categories), set(history), blocked)
        log.info("user %s: %d candidates", user, len(scores))
        names = sorted(scores)
        stock = dict(zip(names, self.redis.mget([f"stock:{name}" for name in names]))) if names else {}
        log.info("user %s: stock %s", user, stock)
        answer = ranking.best(scores, stock)
        for place, item in enumerate(answer, 1):
            log.info("user %s: place %d: item %s, score %.3f, stock %s", user, place, item, scores[item], stock[item])
        log.info("user %s: request ends with %d items", user, len(answer))
        return {"user": user, "items": [{"item": item, "score": round(scores[item], 3)} for item in answer]}


def answer(start_response, status, body):
    data = json.dumps(body).encode()
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]


def app(environ, start_response):
    if environ["PATH_INFO"] == "/healthz":
        return answer(start_response, "200 OK", {"healthy": True})
    user = parse_qs(environ.get("QUERY_STRING", "")).get("user", [""])[0]
    if environ["PATH_INFO"] != "/recommend" or not user.isdecimal():
        return answer(start_response, "404 Not Found", {"error": "GET /recommend?user=NUMBER"})
    return answer(start_response, "200 OK", RecommendHandler().recommend(user))
