<?php
// SPDX-License-Identifier: BSD-2-Clause
// Innocent: pconnect(), which keeps the worker's connection for its next request.
$redis = new Redis();
$redis->pconnect('127.0.0.1', (int) getenv('REDIS_PORT'));
echo $redis->incr('visits');
