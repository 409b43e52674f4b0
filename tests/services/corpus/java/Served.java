// SPDX-License-Identifier: BSD-2-Clause
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

/** What the Java services share: where things are, and the JDK's own HTTP server with eight threads that stay. */
final class Served {
    static final int REDIS_PORT = Integer.parseInt(System.getenv("REDIS_PORT"));

    private Served() {
    }

    static void run(Callable<Object> answer) throws Exception {
        var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 128);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/", exchange -> {
            byte[] body;
            int status = 200;
            try {
                body = String.valueOf(answer.call()).getBytes();
            } catch (Exception error) {
                body = error.toString().getBytes();
                status = 500;
            }
            exchange.sendResponseHeaders(status, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
    }
}
