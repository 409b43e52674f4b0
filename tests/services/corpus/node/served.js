// SPDX-License-Identifier: BSD-2-Clause
// What the Node services share: where things are, and a plain HTTP server.
const http = require('node:http');

exports.port = Number(process.env.PORT);
exports.redisPort = Number(process.env.REDIS_PORT);

// answer(request) gives the body, or a promise of it.
exports.serve = (answer) => http.createServer(async (request, response) => {
    try {
        response.end(String(await answer(request)));
    } catch (error) {
        response.statusCode = 500;
        response.end(String(error));
    }
}).listen(exports.port, '127.0.0.1');

// stream(request, send) is called for each reader of an endless response.
exports.stream = (begin) => http.createServer(async (request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    await begin((text) => response.write(`data: ${text}\n\n`));
    response.write(': open\n\n');
}).listen(exports.port, '127.0.0.1');
