// file.go - files read in goroutines.
//
//	file large PATH         from beginning to end; as well into PATH
//	file small DIR FILES    all at once, DIR/1 and so on
//
// Prints the milliseconds, or the microseconds of one small file.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	largeSize  = 1 << 30
	largeEnd   = "the end."
	largePiece = 128 * 1024
	smallSize  = 4096
)

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

func readLarge(path string) {
	file, err := os.Open(path)
	must(err)
	defer file.Close()
	piece := make([]byte, largePiece)
	size, last := 0, ""
	for {
		count, err := file.Read(piece)
		if err == io.EOF {
			break
		}
		must(err)
		size += count
		if size == largeSize {
			last = string(piece[:count])
		}
	}
	if size != largeSize || !strings.HasSuffix(last, largeEnd) {
		panic("wrong bytes")
	}
}

func large(path string, _ int) {
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		readLarge(path)
		done.Done()
	}()
	done.Wait()
}

func small(dir string, count int) {
	contents := make([][]byte, count)
	var done sync.WaitGroup
	done.Add(count)
	for i := range contents {
		go func(i int) {
			content, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i+1)))
			must(err)
			contents[i] = content
			done.Done()
		}(i)
	}
	done.Wait()
	for i, content := range contents {
		number := strings.TrimRight(string(content), " ")
		if len(content) != smallSize || number != strconv.Itoa(i+1) {
			panic("wrong bytes")
		}
	}
}

func main() {
	name, path, count := os.Args[1], os.Args[2], 0
	work, unit := large, float64(time.Millisecond)
	if name == "small" {
		var err error
		count, err = strconv.Atoi(os.Args[3])
		must(err)
		work, unit = small, float64(time.Microsecond)*float64(count)
	}
	work(path, count)
	began, cpuBegan := time.Now(), cpu()
	work(path, count)
	fmt.Printf("%s %.3f\n", name, float64(time.Since(began))/unit)
	fmt.Printf("cpu %.3f\n", float64(cpu()-cpuBegan)/unit)
}
