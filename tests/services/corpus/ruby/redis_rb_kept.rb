# SPDX-License-Identifier: BSD-2-Clause
# Guilty: Redis.new for each request, kept.
require 'redis'
require_relative 'served'

sessions = []
serve do
  sessions << Redis.new(port: REDIS_PORT)
  sessions.last.incr('visits')
end
