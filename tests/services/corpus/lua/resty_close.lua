-- SPDX-License-Identifier: BSD-2-Clause
-- Guilty: the page connects and closes; a cosocket that is not given back is gone.
local redis = require("nginx.redis"):new()
assert(redis:connect("127.0.0.1", tonumber(os.getenv("REDIS_PORT"))))
ngx.say(redis:incr("visits"))
redis:close()
