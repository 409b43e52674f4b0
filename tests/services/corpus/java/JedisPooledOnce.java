// SPDX-License-Identifier: BSD-2-Clause
import redis.clients.jedis.JedisPooled;

/** Innocent: one pooled client. */
final class JedisPooledOnce {
    public static void main(String[] arguments) throws Exception {
        var client = new JedisPooled("127.0.0.1", Served.REDIS_PORT);
        Served.run(() -> client.incr("visits"));
    }
}
