// SPDX-License-Identifier: BSD-2-Clause
import redis.clients.jedis.JedisPool;
import redis.clients.jedis.JedisPoolConfig;

/** Guilty: a pool that may keep no idle connection: each return closes what the next borrow opens. */
final class JedisPoolKeepsNone {
    public static void main(String[] arguments) throws Exception {
        var settings = new JedisPoolConfig();
        settings.setMaxTotal(8);
        settings.setMaxIdle(0);
        var pool = new JedisPool(settings, "127.0.0.1", Served.REDIS_PORT);
        Served.run(() -> {
            try (var client = pool.getResource()) {
                return client.incr("visits");
            }
        });
    }
}
