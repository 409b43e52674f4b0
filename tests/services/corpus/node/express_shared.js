// SPDX-License-Identifier: BSD-2-Clause
// Innocent: an Express application with one node-redis client.
const express = require('express');
const { createClient } = require('redis');
const served = require('./served');

const client = createClient({ socket: { port: served.redisPort } });
const app = express();
app.get('/', async (request, response) => response.send(String(await client.incr('visits'))));
client.connect().then(() => app.listen(served.port, '127.0.0.1'));
