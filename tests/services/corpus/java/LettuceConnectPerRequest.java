// SPDX-License-Identifier: BSD-2-Clause
import io.lettuce.core.RedisClient;

/** Guilty: one client, but connect() and close() for each request; netty's threads do the connecting. */
final class LettuceConnectPerRequest {
    public static void main(String[] arguments) throws Exception {
        var client = RedisClient.create("redis://127.0.0.1:" + Served.REDIS_PORT);
        Served.run(() -> {
            try (var connection = client.connect()) {
                return connection.sync().incr("visits");
            }
        });
    }
}
