package labtest

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// WatchPeakMemory watches the memory of a process until the returned function is
// called, which returns the peak in kilobytes. The figure from wait(2) would include
// the memory of this process.
func WatchPeakMemory(pid int) func() int {
	done, peak := make(chan struct{}), make(chan int)
	go func() {
		most := 0
		for {
			text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if _, after, found := strings.Cut(string(text), "VmHWM:"); found {
				var now int
				if _, err := fmt.Sscan(after, &now); err == nil {
					most = max(most, now)
				}
			}
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(2 * time.Millisecond):
			}
		}
	}()
	return func() int { close(done); return <-peak }
}
