// SPDX-License-Identifier: BSD-2-Clause

// goburn.go - burns CPU in main.inner, called by main.outer, on a goroutine's own stack, until standard input ends.
package main

import (
	"fmt"
	"os"
	"sync/atomic"
)

var sink, over uint64

//go:noinline
func inner() {
	seed := sink
	for i := 0; i < 200000; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
	}
	sink = seed
}

//go:noinline
func outer() {
	inner()
	sink++
}

func work(done chan bool) {
	for atomic.LoadUint64(&over) == 0 {
		outer()
	}
	done <- true
}

func main() {
	done := make(chan bool)
	fmt.Println(`ready {"chain": ["main.work", "main.outer", "main.inner"]}`)
	go work(done)
	buffer := make([]byte, 64)
	for {
		if n, err := os.Stdin.Read(buffer); n == 0 || err != nil {
			break
		}
	}
	atomic.StoreUint64(&over, 1)
	<-done
	fmt.Println(`answer {"done": true}`)
}
