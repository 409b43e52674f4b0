// SPDX-License-Identifier: BSD-2-Clause

// Guilty: the handler makes a client that is kept, and never closed.
package main

import (
	"corpus/served"
	"net/http"
	"sync"

	"github.com/redis/go-redis/v9"
)

var sessions sync.Map

func visits(r *http.Request) (any, error) {
	client := redis.NewClient(&redis.Options{Addr: served.Redis})
	sessions.Store(client, r.RemoteAddr)
	return client.Incr(r.Context(), "visits").Result()
}

func main() {
	served.HTTP(visits)
}
