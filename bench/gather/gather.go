// gather.go - functions run at once, and a slice of their results.
//
//	gather FUNCTIONS TIMES
//
// Each yields once. Prints the nanoseconds of one function.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

// Runs every function in a goroutine; returns their results in order.
func gather(functions []func() int) []int {
	results := make([]int, len(functions))
	var done sync.WaitGroup
	done.Add(len(functions))
	for i, function := range functions {
		go func(i int, function func() int) {
			results[i] = function()
			done.Done()
		}(i, function)
	}
	done.Wait()
	return results
}

// Returns how long it took to gather them all [times] times.
func round(functions []func() int, times int) time.Duration {
	sum, count := 0, len(functions)
	began := time.Now()
	for i := 0; i < times; i++ {
		for _, result := range gather(functions) {
			sum += result
		}
	}
	took := time.Since(began)
	if sum != times*count*(count+1)/2 {
		panic("wrong results")
	}
	return took
}

func main() {
	count, times := argument(1), argument(2)
	functions := make([]func() int, count)
	for i := range functions {
		result := i + 1
		functions[i] = func() int {
			runtime.Gosched()
			return result
		}
	}
	round(functions, times/10)
	took := round(functions, times)
	fmt.Printf("gather %.3f\n",
		float64(took.Nanoseconds())/float64(count*times))
}
