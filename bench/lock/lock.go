// lock.go - goroutines that lock and unlock one mutex.
//
//	lock plain TASKS TIMES
//	lock yield TASKS TIMES     with a runtime.Gosched while it is held
//
// Prints the nanoseconds of one Lock and Unlock; TIMES is of all goroutines.
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

var (
	mutex sync.Mutex
	count int
)

var bodies = map[string]func(rounds int){
	"plain": func(rounds int) {
		for i := 0; i < rounds; i++ {
			mutex.Lock()
			count++
			mutex.Unlock()
		}
	},
	// Counts wrong if another goroutine comes in between.
	"yield": func(rounds int) {
		for i := 0; i < rounds; i++ {
			mutex.Lock()
			before := count
			runtime.Gosched()
			count = before + 1
			mutex.Unlock()
		}
	},
}

// Returns how long [tasks] goroutines took for [rounds] rounds each.
func turns(body func(rounds int), tasks, rounds int) time.Duration {
	var done sync.WaitGroup
	done.Add(tasks)
	count = 0
	began := time.Now()
	for task := 0; task < tasks; task++ {
		go func() {
			body(rounds)
			done.Done()
		}()
	}
	done.Wait()
	took := time.Since(began)
	if count != tasks*rounds {
		panic("wrong count")
	}
	return took
}

func main() {
	body, tasks := bodies[os.Args[1]], argument(2)
	each := argument(3) / tasks
	turns(body, tasks, each/10)
	took := turns(body, tasks, each)
	fmt.Printf("lock %.3f\n", float64(took.Nanoseconds())/float64(each*tasks))
}
