# SPDX-License-Identifier: BSD-2-Clause
# Innocent: a job worker with one connection to wait on and one to work with.
require 'redis'
require_relative 'served'

waiting = Redis.new(port: REDIS_PORT)
working = Redis.new(port: REDIS_PORT)
File.write(File.join(ENV.fetch('SCRATCH'), 'ready'), '')
loop do
  _, job = waiting.blpop('jobs')
  working.set('last', job)
  working.incr('done')
end
