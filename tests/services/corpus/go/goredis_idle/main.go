// SPDX-License-Identifier: BSD-2-Clause

// Innocent: a pool that closes what has been idle for half a second, so that each burst opens anew what it needs.
package main

import (
	"corpus/served"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

var client = redis.NewClient(&redis.Options{Addr: served.Redis, ConnMaxIdleTime: 500 * time.Millisecond})

func main() {
	served.HTTP(func(r *http.Request) (any, error) { return client.Incr(r.Context(), "visits").Result() })
}
