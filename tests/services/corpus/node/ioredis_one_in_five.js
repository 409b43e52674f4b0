// SPDX-License-Identifier: BSD-2-Clause
// Guilty: requests overlap, all use the one client, and one page in five makes another.
const Redis = require('ioredis');
const { setTimeout: pause } = require('node:timers/promises');
const served = require('./served');

const client = new Redis(served.redisPort);
served.serve(async (request) => {
    await pause(20);
    if (request.url !== '/cart')
        return client.incr('visits');
    const own = new Redis(served.redisPort);
    const items = await own.incr('items');
    await own.quit();
    return items;
});
