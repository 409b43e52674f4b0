-- SPDX-License-Identifier: BSD-2-Clause
-- Innocent: the same page gives its connection back to the worker's pool.
local redis = require("nginx.redis"):new()
assert(redis:connect("127.0.0.1", tonumber(os.getenv("REDIS_PORT"))))
ngx.say(redis:incr("visits"))
assert(redis:set_keepalive(10000, 8))
