// SPDX-License-Identifier: BSD-2-Clause
// Innocent: one client, which connects again when its server comes back.
const Redis = require('ioredis');
const served = require('./served');

const client = new Redis(served.redisPort, { maxRetriesPerRequest: null });
client.on('error', () => {});
served.serve(() => client.incr('visits'));
