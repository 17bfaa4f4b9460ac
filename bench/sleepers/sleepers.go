// sleepers.go - goroutines that sleep 0 to 1000 ms.
//
//	sleepers TASKS
//
// Prints the CPU seconds and the peak megabytes of the process.
package main

import (
	"fmt"
	"os"
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
	sleepers(argument(1))
}
