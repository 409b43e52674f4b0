# SPDX-License-Identifier: BSD-2-Clause
"""The sync client: copies the service's keys from the data-sync source into the Redis beside the service, then ends.

Prints the number of keys copied. Settings: SYNC_HOST, SYNC_PORT, SYNC_TOKEN, REDIS_HOST, REDIS_PORT in the environment.
"""
import http.client
import json
import os
from urllib.parse import quote

import redis

from intranet import data

WRITERS = {
    "string": lambda pipe, key, value: pipe.set(key, value),
    "hash": lambda pipe, key, value: pipe.hset(key, mapping=value),
    "list": lambda pipe, key, value: pipe.rpush(key, *value),
    "set": lambda pipe, key, value: pipe.sadd(key, *value),
    "zset": lambda pipe, key, value: pipe.zadd(key, dict(value)),
}


class SourceError(Exception):
    pass


def fetch(connection, token, key):
    """One key from the source as (type, value)."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    connection.request("GET", f"/v1/keys/{quote(key, safe=':')}", headers=headers)
    response = connection.getresponse()
    body = json.load(response)
    if response.status != 200:
        raise SourceError(f"{key}: {response.status} {body.get('error')}")
    return body["type"], body["value"]


def refused(connection, token, key, status):
    """True if the source refuses key, with the status it should."""
    try:
        fetch(connection, token, key)
    except SourceError as error:
        return f": {status} " in str(error)
    return False


def copy(connection, token, target):
    """Copies every key; each replaces the old one at once, so that a reader never sees half of it."""
    count = 0
    pipe = target.pipeline(transaction=True)
    for key in data.keys():
        kind, value = fetch(connection, token, key)
        pipe.delete(key)
        WRITERS[kind](pipe, key, value)
        count += 1
    pipe.execute()
    return count


def main():
    token = os.environ["SYNC_TOKEN"]
    connection = http.client.HTTPConnection(os.environ["SYNC_HOST"], int(os.environ["SYNC_PORT"]), timeout=10)
    if not refused(connection, None, "item:1", 401) or not refused(connection, token, data.PRIVATE_KEY, 400):
        raise SystemExit("sync: the source gives data it must not give")
    target = redis.StrictRedis(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]), db=1)
    print(copy(connection, token, target))


if __name__ == "__main__":
    main()
