// SPDX-License-Identifier: BSD-2-Clause
import redis.clients.jedis.JedisPool;
import redis.clients.jedis.JedisPoolConfig;

/** Innocent: a pool that is filled with more than is needed, before the first request is answered. */
final class JedisPoolPrefilled {
    public static void main(String[] arguments) throws Exception {
        var settings = new JedisPoolConfig();
        settings.setMaxTotal(30);
        settings.setMaxIdle(30);
        settings.setMinIdle(20);
        var pool = new JedisPool(settings, "127.0.0.1", Served.REDIS_PORT);
        Served.run(() -> {
            if (pool.getNumIdle() + pool.getNumActive() == 0) {
                pool.preparePool();
            }
            try (var client = pool.getResource()) {
                return client.incr("visits");
            }
        });
    }
}
