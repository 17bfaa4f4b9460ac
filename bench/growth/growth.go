// growth.go - one operation where few or many goroutines do it.
//
//	growth switch TASKS TIMES     a runtime.Gosched, all in turn
//	growth spawn TASKS TIMES      one started and waited for, that many at once
//	growth timer TASKS TIMES      a timeout around a Gosched, one in each
//	growth queue TASKS TIMES      an item, half of them put and half get
//
// Prints the nanoseconds of one. Where goroutines are not what is measured they
// have been started before, have done it once, and end later.
package main

import (
	"context"
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

// Runs [body] [times] times in all goroutines, once they are all there and have
// warmed up; returns how long it took until the last had done.
func inAll(tasks, times int, body func(task, i int)) time.Duration {
	var ready, done, end sync.WaitGroup
	start, finish := make(chan struct{}), make(chan struct{})
	ready.Add(tasks)
	done.Add(tasks)
	end.Add(tasks)
	for task := 0; task < tasks; task++ {
		go func(task int) {
			body(task, 0)
			ready.Done()
			<-start
			for i := 0; i < times; i++ {
				body(task, i)
			}
			done.Done()
			<-finish
			end.Done()
		}(task)
	}
	ready.Wait()
	began := time.Now()
	close(start)
	done.Wait()
	took := time.Since(began)
	close(finish)
	end.Wait()
	return took
}

func batch(tasks int, count *int64) {
	var group sync.WaitGroup
	group.Add(tasks)
	for task := 0; task < tasks; task++ {
		go func() {
			atomic.AddInt64(count, 1)
			group.Done()
		}()
	}
	group.Wait()
}

func spawn(tasks, times int, count *int64) time.Duration {
	batch(tasks, count)
	began := time.Now()
	for i := 0; i < times; i++ {
		batch(tasks, count)
	}
	return time.Since(began)
}

func timeout(task, i int) {
	limit := time.Minute + time.Duration((task*7+i)%1000)*time.Second
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	runtime.Gosched()
	cancel()
	if ctx.Err() != context.Canceled {
		panic("a timeout has fired")
	}
}

func main() {
	tasks, times := argument(2), argument(3)
	var count int64
	queue := make(chan int, 128)
	bodies := map[string]func(task, i int){
		"switch": func(int, int) { runtime.Gosched() },
		"timer":  timeout,
		"queue": func(task, _ int) {
			if task%2 == 0 {
				queue <- task
			} else {
				<-queue
			}
		},
	}
	var took time.Duration
	if os.Args[1] == "spawn" {
		took = spawn(tasks, times, &count)
	} else {
		body := bodies[os.Args[1]]
		took = inAll(tasks, times, func(task, i int) {
			body(task, i)
			atomic.AddInt64(&count, 1)
		})
	}
	if count != int64(tasks)*int64(times+1) {
		panic("wrong number of operations")
	}
	count -= int64(tasks)
	if os.Args[1] == "queue" { // an item is put and got
		count /= 2
	}
	fmt.Printf("each %.3f\n", float64(took.Nanoseconds())/float64(count))
}
