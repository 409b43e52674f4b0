// SPDX-License-Identifier: BSD-2-Clause
import io.lettuce.core.RedisClient;
import io.lettuce.core.api.StatefulRedisConnection;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Guilty: connect() for each request, and the connection is kept. */
final class LettuceKept {
    static final List<StatefulRedisConnection<String, String>> SESSIONS = Collections.synchronizedList(new ArrayList<>());

    public static void main(String[] arguments) throws Exception {
        var client = RedisClient.create("redis://127.0.0.1:" + Served.REDIS_PORT);
        Served.run(() -> {
            var connection = client.connect();
            SESSIONS.add(connection);
            return connection.sync().incr("visits");
        });
    }
}
