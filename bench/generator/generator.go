// generator.go - items of a goroutine that a for loop ranges over.
//
//	generator plain ITEMS
//	generator yield ITEMS     with a runtime.Gosched before each
//
// Prints the nanoseconds of one item.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
)

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

var generators = map[string]func(count int) <-chan int{
	"plain": func(count int) <-chan int {
		items := make(chan int)
		go func() {
			for i := 1; i <= count; i++ {
				items <- i
			}
			close(items)
		}()
		return items
	},
	"yield": func(count int) <-chan int {
		items := make(chan int)
		go func() {
			for i := 1; i <= count; i++ {
				runtime.Gosched()
				items <- i
			}
			close(items)
		}()
		return items
	},
}

// Returns how long it took to consume [count] items.
func consume(generate func(count int) <-chan int, count int) time.Duration {
	sum := 0
	began := time.Now()
	for item := range generate(count) {
		sum += item
	}
	took := time.Since(began)
	if sum != count*(count+1)/2 {
		panic("wrong items")
	}
	return took
}

func main() {
	generate, items := generators[os.Args[1]], argument(2)
	consume(generate, items/10)
	took := consume(generate, items)
	fmt.Printf("item %.3f\n", float64(took.Nanoseconds())/float64(items))
}
