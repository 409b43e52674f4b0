// SPDX-License-Identifier: BSD-2-Clause

// Innocent: each reader of the events has a subscription.
package main

import (
	"corpus/served"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/redis/go-redis/v9"
)

var client = redis.NewClient(&redis.Options{Addr: served.Redis})

func events(w http.ResponseWriter, r *http.Request) {
	subscription := client.Subscribe(r.Context(), "news")
	defer subscription.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	w.(http.Flusher).Flush()
	for message := range subscription.Channel() {
		fmt.Fprintf(w, "data: %s\n\n", message.Payload)
		w.(http.Flusher).Flush()
	}
}

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(events)))
}
