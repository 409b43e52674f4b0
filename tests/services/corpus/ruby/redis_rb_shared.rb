# SPDX-License-Identifier: BSD-2-Clause
# Innocent: one client, which its users take in turn.
require 'redis'
require_relative 'served'

client = Redis.new(port: REDIS_PORT)
serve { client.incr('visits') }
