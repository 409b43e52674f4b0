<?php
// SPDX-License-Identifier: BSD-2-Clause
// Innocent: a Predis client whose connection PHP keeps for the worker's next request.
require 'Predis/autoload.php';
$client = new Predis\Client(['port' => (int) getenv('REDIS_PORT'), 'persistent' => true]);
echo $client->incr('visits');
