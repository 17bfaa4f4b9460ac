// timer.go - contexts with a timeout, and goroutines that sleep.
//
//	timer scope TASKS TIMES     entered and left
//	timer yield TASKS TIMES     with a runtime.Gosched inside
//	timer fires TASKS TIMES     of 1 ms, waited for, in CPU time
//	timer sleepers TASKS        sleeping 0 to 1000 ms: CPU seconds, peak MB
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

func usage() (cpu time.Duration, peakBytes int64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
		usage.Maxrss * 1024
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
	beganCPU, _ := usage()
	began := time.Now()
	good := round(bodies[work], tasks, times)
	took := time.Since(began)
	if work == "fires" {
		endedCPU, _ := usage()
		took = endedCPU - beganCPU
	}
	if good != tasks*times {
		panic("wrong number of timeouts")
	}
	fmt.Printf("timeout %.3f\n", float64(took.Nanoseconds())/float64(good))
}

func sleepers(tasks int) {
	var done sync.WaitGroup
	done.Add(tasks)
	woken := make([]bool, tasks)
	for task := 0; task < tasks; task++ {
		go func(task int) {
			time.Sleep(time.Duration(task%1001) * time.Millisecond)
			woken[task] = true
			done.Done()
		}(task)
	}
	done.Wait()
	for _, awake := range woken {
		if !awake {
			panic("a sleeper has not woken")
		}
	}
	cpu, peakBytes := usage()
	fmt.Printf("cpu %.4f\npeak %.2f\n", cpu.Seconds(), float64(peakBytes)/1e6)
}

func main() {
	if os.Args[1] == "sleepers" {
		sleepers(argument(2))
	} else {
		timeouts(os.Args[1], argument(2), argument(3))
	}
}
