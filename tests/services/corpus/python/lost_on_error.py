# SPDX-License-Identifier: BSD-2-Clause
"""Guilty: a request that fails keeps the connection it took from the pool, one in eight does."""
import redis

import served

pool = redis.ConnectionPool(port=served.REDIS_PORT, max_connections=1000)
lost = []


def page(path):
    connection = pool.get_connection("INCR")
    connection.send_command("INCR", "visits")
    visits = connection.read_response()
    if path == "/broken":
        lost.append(connection)  # as an exception's traceback that is kept would
    else:
        pool.release(connection)
    return visits


served.serve(page)
