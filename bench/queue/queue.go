// queue.go - items from producers to consumers, of whom at most 128 wait.
//
//	queue fifo PAIRS ITEMS         through a channel
//	queue priority PAIRS ITEMS     through a heap, the smallest first
//
// Prints the nanoseconds of one item, put and got.
package main

import (
	"container/heap"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const itemsMax = 128

func argument(index int) int {
	number, err := strconv.Atoi(os.Args[index])
	if err != nil || number < 1 {
		panic("sizes are numbers from 1")
	}
	return number
}

type queue interface {
	put(item int)
	get() int
}

type fifo chan int

func (queue fifo) put(item int) { queue <- item }
func (queue fifo) get() int     { return <-queue }

// What container/heap asks for.
type items []int

func (h items) Len() int           { return len(h) }
func (h items) Less(i, j int) bool { return h[i] < h[j] }
func (h items) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *items) Push(item any)     { *h = append(*h, item.(int)) }
func (h *items) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	*h = (*h)[:last]
	return item
}

// The library has no priority queue for goroutines: this is the heap that it
// has, under a mutex with two conditions.
type priority struct {
	mutex             sync.Mutex
	notFull, notEmpty *sync.Cond
	items             items
}

func newPriority() *priority {
	queue := &priority{}
	queue.notFull = sync.NewCond(&queue.mutex)
	queue.notEmpty = sync.NewCond(&queue.mutex)
	return queue
}

func (queue *priority) put(item int) {
	queue.mutex.Lock()
	for len(queue.items) >= itemsMax {
		queue.notFull.Wait()
	}
	heap.Push(&queue.items, item)
	queue.notEmpty.Signal()
	queue.mutex.Unlock()
}

func (queue *priority) get() int {
	queue.mutex.Lock()
	for len(queue.items) == 0 {
		queue.notEmpty.Wait()
	}
	item := heap.Pop(&queue.items).(int)
	queue.notFull.Signal()
	queue.mutex.Unlock()
	return item
}

// Returns how long it took to bring [count] items from each of the producers
// to a consumer.
func round(queue queue, couples, count int) time.Duration {
	var done sync.WaitGroup
	var sumPut, sumGot int64
	done.Add(2 * couples)
	began := time.Now()
	for couple := 0; couple < couples; couple++ {
		go func() {
			sum := 0
			for i := 1; i <= count; i++ {
				item := i ^ 85 // no longer in order
				queue.put(item)
				sum += item
			}
			atomic.AddInt64(&sumPut, int64(sum))
			done.Done()
		}()
		go func() {
			sum := 0
			for i := 0; i < count; i++ {
				sum += queue.get()
			}
			atomic.AddInt64(&sumGot, int64(sum))
			done.Done()
		}()
	}
	done.Wait()
	took := time.Since(began)
	if sumPut != sumGot {
		panic("wrong items")
	}
	return took
}

func main() {
	couples := argument(2)
	each := argument(3) / couples
	var queue queue = make(fifo, itemsMax)
	if os.Args[1] == "priority" {
		queue = newPriority()
	}
	round(queue, couples, each/10)
	took := round(queue, couples, each)
	fmt.Printf("item %.3f\n",
		float64(took.Nanoseconds())/float64(each*couples))
}
