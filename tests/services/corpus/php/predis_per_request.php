<?php
// SPDX-License-Identifier: BSD-2-Clause
// Guilty: a Predis client, which has no connection left when the request ends.
require 'Predis/autoload.php';
$client = new Predis\Client(['port' => (int) getenv('REDIS_PORT')]);
echo $client->incr('visits');
