package grpcx

import (
	"sync"
	"time"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/metrics"
)

const (
	breakerFailures = 5               // consecutive failures that open the breaker
	breakerPause    = 2 * time.Second // until one call probes the service
)

// breaker is a circuit breaker: while a service is unavailable, calls fail at once instead of queueing behind timeouts. It
// opens after breakerFailures consecutive failures; after breakerPause it lets one call through, whose result decides.
type breaker struct {
	target string
	now    func() time.Time

	mu       sync.Mutex
	failures int
	retryAt  time.Time
	probing  bool
}

func newBreaker(target string) *breaker { return &breaker{target: target, now: time.Now} }

// do runs the call unless the breaker is open. Only retryable errors count: a rejection comes from a working service.
func (b *breaker) do(call func() error) error {
	if !b.allow() {
		return fault.New(fault.Unavailable, "%s is unavailable: its last %d calls failed", b.target, breakerFailures)
	}
	err := call()
	b.record(fault.Retryable(err))
	return err
}

func (b *breaker) allow() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakerFailures {
		return true
	}
	if b.probing || b.now().Before(b.retryAt) {
		return false
	}
	b.probing = true
	return true
}

func (b *breaker) record(failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
	if !failed {
		b.failures = 0
		metrics.BreakerOpen.WithLabelValues(b.target).Set(0)
		return
	}
	b.failures++
	if b.failures >= breakerFailures {
		b.retryAt = b.now().Add(breakerPause)
		metrics.BreakerOpen.WithLabelValues(b.target).Set(1)
	}
}
