// SPDX-License-Identifier: BSD-2-Clause

// Package served is what the Go services share: where things are, and a plain HTTP server.
package served

import (
	"fmt"
	"log"
	"net/http"
	"os"
)

// Redis is its address.
var Redis = "127.0.0.1:" + os.Getenv("REDIS_PORT")

// HTTP serves with answer, which gives the body, until killed.
func HTTP(answer func(*http.Request) (any, error)) {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := answer(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, body)
	})))
}
