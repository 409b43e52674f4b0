// SPDX-License-Identifier: BSD-2-Clause

// Guilty: the handler dials and keeps what it dialled.
package main

import (
	"corpus/served"
	"net/http"
	"sync"

	"github.com/gomodule/redigo/redis"
)

var sessions sync.Map

func visits(r *http.Request) (any, error) {
	connection, err := redis.Dial("tcp", served.Redis)
	if err != nil {
		return nil, err
	}
	sessions.Store(connection, r.RemoteAddr)
	return connection.Do("INCR", "visits")
}

func main() {
	served.HTTP(visits)
}
