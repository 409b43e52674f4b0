// SPDX-License-Identifier: BSD-2-Clause
import redis.clients.jedis.Jedis;

/** Guilty: a Jedis for each request, closed after it. */
final class JedisPerRequest {
    static Object visits() {
        try (var client = new Jedis("127.0.0.1", Served.REDIS_PORT)) {
            return client.incr("visits");
        }
    }

    public static void main(String[] arguments) throws Exception {
        Served.run(JedisPerRequest::visits);
    }
}
