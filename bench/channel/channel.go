// channel.go - items sent from one goroutine to another until the end.
//
//	channel CAPACITY ITEMS     0 is a rendezvous
//
// Prints the nanoseconds of one item, sent and received.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 0 {
		panic("sizes are numbers from 0")
	}
	return number
}

// Returns how long [count] items took.
func stream(capacity, count int) time.Duration {
	channel := make(chan int, capacity)
	sum := 0
	began := time.Now()
	go func() {
		for i := 1; i <= count; i++ {
			channel <- i
		}
		close(channel)
	}()
	for item := range channel {
		sum += item
	}
	took := time.Since(began)
	if sum != count*(count+1)/2 {
		panic("wrong items")
	}
	return took
}

func main() {
	capacity, items := argument(1), argument(2)
	stream(capacity, items/10)
	took := stream(capacity, items)
	fmt.Printf("item %.3f\n", float64(took.Nanoseconds())/float64(items))
}
