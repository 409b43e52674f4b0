// SPDX-License-Identifier: BSD-2-Clause

// Innocent: one client with its pool.
package main

import (
	"corpus/served"
	"net/http"

	"github.com/redis/go-redis/v9"
)

var client = redis.NewClient(&redis.Options{Addr: served.Redis})

func main() {
	served.HTTP(func(r *http.Request) (any, error) { return client.Incr(r.Context(), "visits").Result() })
}
