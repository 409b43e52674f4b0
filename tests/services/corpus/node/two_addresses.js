// SPDX-License-Identifier: BSD-2-Clause
// Innocent: the name has two addresses and Node tries them in turn; Redis listens on one.
const { createClient } = require('redis');
const served = require('./served');

const client = createClient({ socket: { host: 'both.corpus', port: served.redisPort } });
client.connect().then(() => served.serve(() => client.incr('visits')));
