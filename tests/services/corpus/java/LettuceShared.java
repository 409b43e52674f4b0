// SPDX-License-Identifier: BSD-2-Clause
import io.lettuce.core.RedisClient;

/** Innocent: one connection that all threads share. */
final class LettuceShared {
    public static void main(String[] arguments) throws Exception {
        var connection = RedisClient.create("redis://127.0.0.1:" + Served.REDIS_PORT).connect();
        Served.run(() -> connection.sync().incr("visits"));
    }
}
