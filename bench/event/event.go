// event.go - channels as events that goroutines wait for.
//
//	event pong WAKES              two goroutines wake each other
//	event crowd WAITERS TIMES     a closed channel wakes them all
//
// Prints the nanoseconds of one goroutine woken.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

// An event that is set once for each wait is a channel with room for one.
func pong(rounds int) (wakes, woken int) {
	ping, back := make(chan struct{}, 1), make(chan struct{}, 1)
	var done sync.WaitGroup
	var counts [2]int
	answer := func(count *int, mine, other chan struct{}) {
		for i := 0; i < rounds; i++ {
			<-mine
			*count++
			other <- struct{}{}
		}
		done.Done()
	}
	done.Add(2)
	go answer(&counts[0], ping, back)
	go answer(&counts[1], back, ping)
	ping <- struct{}{}
	done.Wait()
	return 2 * rounds, counts[0] + counts[1]
}

// One that wakes all who wait is a channel that is closed.
func crowd(waiters, rounds int) (wakes, woken int) {
	var done sync.WaitGroup
	var total int64
	var waiting int32
	var gate atomic.Value
	gate.Store(make(chan struct{}))
	done.Add(waiters)
	for waiter := 0; waiter < waiters; waiter++ {
		go func() {
			count := 0
			for i := 0; i < rounds; i++ {
				mine := gate.Load().(chan struct{})
				atomic.AddInt32(&waiting, 1)
				<-mine
				count++
			}
			atomic.AddInt64(&total, int64(count))
			done.Done()
		}()
	}
	for i := 0; i < rounds; i++ {
		for atomic.LoadInt32(&waiting) < int32(waiters) {
			runtime.Gosched()
		}
		full := gate.Load().(chan struct{})
		atomic.StoreInt32(&waiting, 0)
		gate.Store(make(chan struct{}))
		close(full)
	}
	done.Wait()
	return waiters * rounds, int(total)
}

// Returns the nanoseconds of one wake.
func measure(run func(rounds int) (wakes, woken int), rounds int) float64 {
	began := time.Now()
	wakes, woken := run(rounds)
	took := time.Since(began)
	if woken != wakes {
		panic("wrong number of wakes")
	}
	return float64(took.Nanoseconds()) / float64(wakes)
}

func main() {
	run, rounds := pong, argument(2)/2
	if os.Args[1] == "crowd" {
		rounds = argument(3)
		run = func(rounds int) (wakes, woken int) {
			return crowd(argument(2), rounds)
		}
	}
	measure(run, rounds/10)
	fmt.Printf("wake %.3f\n", measure(run, rounds))
}
