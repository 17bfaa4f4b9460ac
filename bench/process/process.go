// process.go - processes run to their end by goroutines, some at once.
//
//	process null|pipes PROCESSES AT_ONCE
//
// Prints the microseconds of one, and of CPU time, its own included.
package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
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
	total := int64(0)
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if err := syscall.Getrusage(who, &used); err != nil {
			panic(err)
		}
		total += used.Utime.Nano() + used.Stime.Nano()
	}
	return time.Duration(total)
}

func run(pipes bool) {
	command := exec.Command("/bin/true")
	var stdout, stderr bytes.Buffer
	if pipes {
		command.Stdout, command.Stderr = &stdout, &stderr
	}
	if err := command.Run(); err != nil || stdout.Len() > 0 {
		panic("wrong result")
	}
}

func round(times, atOnce int, pipes bool) {
	places := make(chan struct{}, atOnce)
	var done sync.WaitGroup
	done.Add(times)
	for i := 0; i < times; i++ {
		places <- struct{}{}
		go func() {
			run(pipes)
			<-places
			done.Done()
		}()
	}
	done.Wait()
}

func main() {
	pipes := os.Args[1] == "pipes"
	count, atOnce := argument(2), argument(3)
	round((count+9)/10, atOnce, pipes)
	began, cpuBegan := time.Now(), cpu()
	round(count, atOnce, pipes)
	scale := float64(time.Microsecond) * float64(count)
	fmt.Printf("process %.3f\n", float64(time.Since(began))/scale)
	fmt.Printf("cpu %.3f\n", float64(cpu()-cpuBegan)/scale)
}
