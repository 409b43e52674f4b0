// SPDX-License-Identifier: BSD-2-Clause
// Guilty: the handler makes a client that nobody ends.
const Redis = require('ioredis');
const served = require('./served');

served.serve(() => new Redis(served.redisPort).incr('visits'));
