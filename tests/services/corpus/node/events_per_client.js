// SPDX-License-Identifier: BSD-2-Clause
// Innocent: each reader has a subscription, on a duplicate of the client.
const Redis = require('ioredis');
const served = require('./served');

const client = new Redis(served.redisPort);
served.stream(async (send) => {
    const subscriber = client.duplicate();
    subscriber.on('message', (channel, message) => send(message));
    await subscriber.subscribe('news');
});
