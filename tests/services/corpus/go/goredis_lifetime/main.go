// SPDX-License-Identifier: BSD-2-Clause

// Innocent: a pool whose connections are replaced when they are half a second old.
package main

import (
	"corpus/served"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

var client = redis.NewClient(&redis.Options{Addr: served.Redis, ConnMaxLifetime: 500 * time.Millisecond})

func main() {
	served.HTTP(func(r *http.Request) (any, error) { return client.Incr(r.Context(), "visits").Result() })
}
