// http.go - a file fetched again and again by net/http.
//
//	http FETCHES AT_ONCE
//
// From BENCH_URL, by so many goroutines. Prints the microseconds of one, and of
// CPU time.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

const bytes = 1024

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func cpu() time.Duration {
	var used syscall.Rusage
	must(syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func fetch(client *http.Client, url string) {
	answer, err := client.Get(url)
	must(err)
	body, err := io.ReadAll(answer.Body)
	must(err)
	must(answer.Body.Close())
	if answer.StatusCode != http.StatusOK || len(body) != bytes {
		panic("wrong answer")
	}
}

func round(client *http.Client, url string, fetches, atOnce int) {
	var done sync.WaitGroup
	done.Add(atOnce)
	for i := 0; i < atOnce; i++ {
		go func() {
			for i := 0; i < fetches/atOnce; i++ {
				fetch(client, url)
			}
			done.Done()
		}()
	}
	done.Wait()
}

func main() {
	fetches, atOnce := argument(1), argument(2)
	url := os.Getenv("BENCH_URL")
	client := &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: atOnce,
		MaxConnsPerHost:     atOnce,
	}}
	round(client, url, fetches/10, atOnce)
	began, cpuBegan := time.Now(), cpu()
	round(client, url, fetches, atOnce)
	scale := float64(time.Microsecond) * float64(fetches)
	fmt.Printf("fetch %.3f\n", float64(time.Since(began))/scale)
	fmt.Printf("cpu %.3f\n", float64(cpu()-cpuBegan)/scale)
}
