// SPDX-License-Identifier: BSD-2-Clause

// Guilty: the handler makes a client and closes it.
package main

import (
	"corpus/served"
	"net/http"

	"github.com/redis/go-redis/v9"
)

func visits(r *http.Request) (any, error) {
	client := redis.NewClient(&redis.Options{Addr: served.Redis})
	defer client.Close()
	return client.Incr(r.Context(), "visits").Result()
}

func main() {
	served.HTTP(visits)
}
