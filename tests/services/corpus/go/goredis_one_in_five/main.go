// SPDX-License-Identifier: BSD-2-Clause

// Guilty: all pages use the one client, and one page in five makes another.
package main

import (
	"corpus/served"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
)

var client = redis.NewClient(&redis.Options{Addr: served.Redis})

func page(r *http.Request) (any, error) {
	time.Sleep(20 * time.Millisecond)
	if r.URL.Path != "/cart" {
		return client.Incr(r.Context(), "visits").Result()
	}
	own := redis.NewClient(&redis.Options{Addr: served.Redis})
	defer own.Close()
	return own.Incr(r.Context(), "items").Result()
}

func main() {
	served.HTTP(page)
}
