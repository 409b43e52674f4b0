// SPDX-License-Identifier: BSD-2-Clause
// Innocent: a queue, its worker and its events: several connections, each made once.
const { Queue, QueueEvents, Worker } = require('bullmq');
const served = require('./served');

const connection = { port: served.redisPort };
const queue = new Queue('orders', { connection });
new QueueEvents('orders', { connection });
new Worker('orders', async () => 'delivered', { connection });
served.serve(async () => (await queue.add('deliver', { order: 17 })).id);
