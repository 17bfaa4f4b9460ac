// thread.go - calls in other goroutines.
//
//	thread calls|executor CALLS AT_ONCE
//	thread busy
//
// Each call has a goroutine of its own, or goes through a channel to one of two
// workers; as many goroutines as there are to be at once make them. Prints the
// microseconds of one; of busy how much longer two that compute take than one.
package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const steps = 200_000_000

type job struct {
	number int
	result chan int
}

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

func cpu() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func callInGoroutine(work job) int {
	go func() { work.result <- work.number + 1 }()
	return <-work.result
}

// Starts two workers; returns what calls one of them.
func newExecutor() func(job) int {
	jobs := make(chan job)
	for i := 0; i < 2; i++ {
		go func() {
			for work := range jobs {
				work.result <- work.number + 1
			}
		}()
	}
	return func(work job) int {
		jobs <- work
		return <-work.result
	}
}

func round(call func(job) int, count, atOnce int) {
	each := count / atOnce
	sums := make([]int, atOnce)
	var done sync.WaitGroup
	done.Add(atOnce)
	for i := range sums {
		go func(i int) {
			result := make(chan int)
			for number := 1; number <= each; number++ {
				sums[i] += call(job{number, result})
			}
			done.Done()
		}(i)
	}
	done.Wait()
	for _, sum := range sums {
		if sum != each*(each+3)/2 {
			panic("wrong results")
		}
	}
}

func compute() int {
	state := 1
	for i := 0; i < steps; i++ {
		state = (state * 16807) % 2147483647
	}
	return state
}

func computeIn(threads int) time.Duration {
	began := time.Now()
	results := make(chan int, threads)
	for i := 0; i < threads; i++ {
		go func() { results <- compute() }()
	}
	first := <-results
	for i := 1; i < threads; i++ {
		if <-results != first {
			panic("wrong results")
		}
	}
	return time.Since(began)
}

func main() {
	if os.Args[1] == "busy" {
		computeIn(2)
		one := computeIn(1)
		fmt.Printf("ratio %.3f\n", float64(computeIn(2))/float64(one))
		return
	}
	call, count, atOnce := callInGoroutine, argument(2), argument(3)
	if os.Args[1] == "executor" {
		call = newExecutor()
	}
	round(call, count/10, atOnce)
	began, cpuBegan := time.Now(), cpu()
	round(call, count, atOnce)
	scale := float64(time.Microsecond) * float64(count)
	fmt.Printf("call %.3f\n", float64(time.Since(began))/scale)
	fmt.Printf("cpu %.3f\n", float64(cpu()-cpuBegan)/scale)
}
