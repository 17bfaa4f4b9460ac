// timeout.go - contexts with a timeout that are left, or fire.
//
//	timeout scope TASKS TIMES     entered and left
//	timeout yield TASKS TIMES     with a runtime.Gosched inside
//	timeout fires TASKS TIMES     of 1 ms, waited for, in CPU time
//
// Prints the nanoseconds of one timeout.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

func cpu() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// Each body goes through one timeout and tells whether it went as it should.
var bodies = map[string]func() bool{
	"scope": func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		cancel()
		return ctx.Err() == context.Canceled
	},
	"yield": func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		runtime.Gosched()
		cancel()
		return ctx.Err() == context.Canceled
	},
	"fires": func() bool {
		ctx, cancel := context.WithTimeout(context.Background(),
			time.Millisecond)
		<-ctx.Done()
		cancel()
		return ctx.Err() == context.DeadlineExceeded
	},
}

// Runs [body] [times] times in each of [tasks] goroutines; returns how often
// it went as it should.
func round(body func() bool, tasks, times int) int {
	var done sync.WaitGroup
	done.Add(tasks)
	counts := make([]int, tasks)
	for task := 0; task < tasks; task++ {
		go func(task int) {
			good := 0
			for i := 0; i < times; i++ {
				if body() {
					good++
				}
			}
			counts[task] = good
			done.Done()
		}(task)
	}
	done.Wait()
	total := 0
	for _, count := range counts {
		total += count
	}
	return total
}

func timeouts(work string, tasks, times int) {
	round(bodies[work], tasks, times/10+1)
	beganCPU := cpu()
	began := time.Now()
	good := round(bodies[work], tasks, times)
	took := time.Since(began)
	if work == "fires" {
		took = cpu() - beganCPU
	}
	if good != tasks*times {
		panic("wrong number of timeouts")
	}
	fmt.Printf("timeout %.3f\n", float64(took.Nanoseconds())/float64(good))
}

func main() {
	timeouts(os.Args[1], argument(2), argument(3))
}
