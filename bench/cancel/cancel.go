// cancel.go - goroutines that wait on a context each, cancelled one by one.
//
//	cancel TASKS
//
// Prints the nanoseconds of one cancel and its part of the wait (cancel), and
// the same with the start of the goroutine (all).
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

// Starts [tasks] goroutines, waits until all have begun, cancels each; returns
// the time of it all, that of the cancelling, and how many ended cancelled.
func round(tasks int) (time.Duration, time.Duration, int) {
	var ready, done sync.WaitGroup
	ready.Add(tasks)
	done.Add(tasks)
	cancels := make([]context.CancelFunc, tasks)
	errors := make([]error, tasks)
	began := time.Now()
	for task := 0; task < tasks; task++ {
		ctx, cancel := context.WithCancel(context.Background())
		cancels[task] = cancel
		go func(task int) {
			ready.Done()
			<-ctx.Done()
			errors[task] = ctx.Err()
			done.Done()
		}(task)
	}
	ready.Wait()
	parked := time.Now()
	for _, cancel := range cancels {
		cancel()
	}
	done.Wait()
	ended := time.Now()
	count := 0
	for _, err := range errors {
		if err == context.Canceled {
			count++
		}
	}
	return ended.Sub(began), ended.Sub(parked), count
}

func main() {
	tasks, err := strconv.Atoi(os.Args[1])
	if err != nil || tasks < 1 {
		panic("sizes are numbers from 1")
	}
	round(tasks)
	runtime.GC()
	all, cancel, count := round(tasks)
	if count != tasks {
		panic("wrong number of cancellations")
	}
	fmt.Printf("cancel %.3f\n", float64(cancel.Nanoseconds())/float64(tasks))
	fmt.Printf("all %.3f\n", float64(all.Nanoseconds())/float64(tasks))
}
