// SPDX-License-Identifier: BSD-2-Clause

// Innocent: the same pool, which keeps some.
package main

import (
	"corpus/served"
	"net/http"

	"github.com/gomodule/redigo/redis"
)

var pool = &redis.Pool{MaxIdle: 8, Dial: func() (redis.Conn, error) { return redis.Dial("tcp", served.Redis) }}

func visits(r *http.Request) (any, error) {
	connection := pool.Get()
	defer connection.Close()
	return connection.Do("INCR", "visits")
}

func main() {
	served.HTTP(visits)
}
