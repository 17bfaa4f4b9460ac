// startup.go - a program that starts one goroutine, and does nothing.
package main

import "runtime"

func main() {
	done := make(chan struct{})
	go func() {
		runtime.Gosched()
		close(done)
	}()
	<-done
}
