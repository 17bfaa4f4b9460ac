// memory.go - what a goroutine that waits on a context takes.
//
//	memory TASKS
//
// Prints the resident bytes of one (bytes), and the nanoseconds to start,
// cancel and wait for one (each).
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

func residentBytes() int {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		panic(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		panic(err)
	}
	return pages * os.Getpagesize()
}

func main() {
	tasks, err := strconv.Atoi(os.Args[1])
	if err != nil || tasks < 1 {
		panic("sizes are numbers from 1")
	}
	var ready, done sync.WaitGroup
	ready.Add(tasks)
	done.Add(tasks)
	before := residentBytes()
	began := time.Now()
	ctx, cancel := context.WithCancel(context.Background())
	cancelled := make([]bool, tasks)
	for task := 0; task < tasks; task++ {
		go func(task int) {
			ready.Done()
			<-ctx.Done()
			cancelled[task] = ctx.Err() == context.Canceled
			done.Done()
		}(task)
	}
	ready.Wait()
	parked := residentBytes()
	cancel()
	done.Wait()
	took := time.Since(began)
	for _, ended := range cancelled {
		if !ended {
			panic("a goroutine has not ended cancelled")
		}
	}
	fmt.Printf("bytes %.1f\neach %.3f\n",
		float64(parked-before)/float64(tasks),
		float64(took.Nanoseconds())/float64(tasks))
}
