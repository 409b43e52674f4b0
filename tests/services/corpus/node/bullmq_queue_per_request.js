// SPDX-License-Identifier: BSD-2-Clause
// Guilty: the handler that adds a job builds the queue first.
const { Queue } = require('bullmq');
const served = require('./served');

served.serve(async () => {
    const queue = new Queue('orders', { connection: { port: served.redisPort } });
    const job = await queue.add('deliver', { order: 17 });
    await queue.close();
    return job.id;
});
