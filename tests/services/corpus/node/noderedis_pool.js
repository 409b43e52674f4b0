// SPDX-License-Identifier: BSD-2-Clause
// Innocent: node-redis's own pool.
const { createClientPool } = require('redis');
const served = require('./served');

const pool = createClientPool({ socket: { port: served.redisPort } }, { minimum: 1, maximum: 4 });
pool.connect().then(() => served.serve(() => pool.incr('visits')));
