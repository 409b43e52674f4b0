// SPDX-License-Identifier: BSD-2-Clause
// Guilty: connect and close in the handler.
const { createClient } = require('redis');
const served = require('./served');

served.serve(async () => {
    const client = createClient({ socket: { port: served.redisPort } });
    await client.connect();
    const visits = await client.incr('visits');
    await client.close();
    return visits;
});
