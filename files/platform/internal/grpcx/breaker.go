package grpcx

import (
	"sync"
	"time"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/metrics"
)

const (
	breakerFailures = 5               // in a row, until the breaker opens
	breakerPause    = 2 * time.Second // until one call may probe whether the service is back
)

// breaker fails calls at once while a service is away, so that callers do not queue up behind time-outs. After
// breakerFailures failures in a row it opens; after breakerPause it lets one call through, whose outcome decides.
type breaker struct {
	target string
	now    func() time.Time

	mu       sync.Mutex
	failures int
	retryAt  time.Time
	probing  bool
}

func newBreaker(target string) *breaker { return &breaker{target: target, now: time.Now} }

// do runs the call unless the breaker is open. Only faults of the service count: a refusal is a working service.
func (b *breaker) do(call func() error) error {
	if !b.enter() {
		return fault.New(fault.Unavailable, "%s is away: not called, since its last %d calls failed", b.target, breakerFailures)
	}
	err := call()
	b.leave(fault.Retryable(err))
	return err
}

func (b *breaker) enter() bool {
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

func (b *breaker) leave(failed bool) {
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
