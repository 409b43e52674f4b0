// SPDX-License-Identifier: BSD-2-Clause

// Guilty: the handler dials, which redigo does in the caller's own goroutine.
package main

import (
	"corpus/served"
	"net/http"

	"github.com/gomodule/redigo/redis"
)

func visits(r *http.Request) (any, error) {
	connection, err := redis.Dial("tcp", served.Redis)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	return connection.Do("INCR", "visits")
}

func main() {
	served.HTTP(visits)
}
