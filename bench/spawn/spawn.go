// spawn.go - goroutines started and waited for in batches.
//
//	spawn BATCH BATCHES
//
// Prints the nanoseconds of one go statement and its part of the wait.
package main

import (
	"fmt"
	"os"
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

// Runs [batches] batches of goroutines, each of which counts itself in a place
// of its own, for they may run in parallel.
func run(counts []int, batches int) {
	for batch := 0; batch < batches; batch++ {
		var group sync.WaitGroup
		group.Add(len(counts))
		for task := range counts {
			go func(task int) {
				counts[task]++
				group.Done()
			}(task)
		}
		group.Wait()
	}
}

func main() {
	batch, batches := argument(1), argument(2)
	run(make([]int, batch), batches/10+1)
	counts := make([]int, batch)
	began := time.Now()
	run(counts, batches)
	took := time.Since(began)
	for _, count := range counts {
		if count != batches {
			panic("wrong number of runs")
		}
	}
	fmt.Printf("spawn %.3f\n",
		float64(took.Nanoseconds())/float64(batch*batches))
}
