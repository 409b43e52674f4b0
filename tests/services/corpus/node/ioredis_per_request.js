// SPDX-License-Identifier: BSD-2-Clause
// Guilty: the handler makes a client, and ends it politely.
const Redis = require('ioredis');
const served = require('./served');

served.serve(async () => {
    const client = new Redis(served.redisPort);
    const visits = await client.incr('visits');
    await client.quit();
    return visits;
});
