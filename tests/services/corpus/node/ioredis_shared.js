// SPDX-License-Identifier: BSD-2-Clause
// Innocent: one client, one connection, for all.
const Redis = require('ioredis');
const served = require('./served');

const client = new Redis(served.redisPort);
served.serve(() => client.incr('visits'));
