# SPDX-License-Identifier: BSD-2-Clause
# Guilty: Redis.new for each request, closed after it.
require 'redis'
require_relative 'served'

serve do
  client = Redis.new(port: REDIS_PORT)
  visits = client.incr('visits')
  client.close
  visits
end
