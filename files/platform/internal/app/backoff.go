package app

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	minBackoff = 200 * time.Millisecond
	maxBackoff = 5 * time.Second
)

// backoff doubles the delay up to a limit, with jitter so that services do not retry at the same time.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: minBackoff} }

// wait sleeps; it returns false if the context ended.
func (b *backoff) wait(ctx context.Context) bool {
	delay := b.next/2 + rand.N(b.next/2)
	b.next = min(2*b.next, maxBackoff)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(delay):
		return true
	}
}
