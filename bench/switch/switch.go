// switch.go - goroutines that yield in turn.
//
//	switch TASKS SWITCHES
//
// Prints the nanoseconds of one runtime.Gosched.
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

// Lets [tasks] goroutines yield [rounds] times each, all released at once;
// returns how many yields were counted and how long they took.
func round(tasks, rounds int) (int, time.Duration) {
	var ready, done sync.WaitGroup
	release := make(chan struct{})
	counts := make([]int, tasks)
	ready.Add(tasks)
	done.Add(tasks)
	for task := 0; task < tasks; task++ {
		go func(task int) {
			ready.Done()
			<-release
			yields := 0
			for i := 0; i < rounds; i++ {
				runtime.Gosched()
				yields++
			}
			counts[task] = yields
			done.Done()
		}(task)
	}
	ready.Wait()
	began := time.Now()
	close(release)
	done.Wait()
	took := time.Since(began)
	total := 0
	for _, count := range counts {
		total += count
	}
	return total, took
}

func main() {
	tasks, switches := argument(1), argument(2)
	round(tasks, switches/tasks/10)
	total, took := round(tasks, switches/tasks)
	if total != switches/tasks*tasks {
		panic("wrong number of switches")
	}
	fmt.Printf("switch %.3f\n", float64(took.Nanoseconds())/float64(total))
}
