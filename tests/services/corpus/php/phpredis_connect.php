<?php
// SPDX-License-Identifier: BSD-2-Clause
// Guilty: connect(), which PHP undoes when the request ends.
$redis = new Redis();
$redis->connect('127.0.0.1', (int) getenv('REDIS_PORT'));
echo $redis->incr('visits');
