// SPDX-License-Identifier: BSD-2-Clause
import java.time.Duration;
import redis.clients.jedis.JedisPool;
import redis.clients.jedis.JedisPoolConfig;

/** Innocent: a pool that closes what has been idle for half a second, so that each burst opens anew what it needs. */
final class JedisPoolTrims {
    public static void main(String[] arguments) throws Exception {
        var settings = new JedisPoolConfig();
        settings.setMaxIdle(8);
        settings.setMinEvictableIdleDuration(Duration.ofMillis(500));
        settings.setTimeBetweenEvictionRuns(Duration.ofMillis(200));
        settings.setNumTestsPerEvictionRun(-1);
        var pool = new JedisPool(settings, "127.0.0.1", Served.REDIS_PORT);
        Served.run(() -> {
            try (var client = pool.getResource()) {
                Thread.sleep(10);
                return client.incr("visits");
            }
        });
    }
}
