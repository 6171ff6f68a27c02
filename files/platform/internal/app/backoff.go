package app

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause  = 200 * time.Millisecond
	longestWait = 5 * time.Second
)

// backoff makes pauses that double up to a limit, with jitter so that ten services do not knock together.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{next: firstPause} }

// wait pauses; false means that the context ended.
func (b *backoff) wait(ctx context.Context) bool {
	pause := b.next/2 + rand.N(b.next/2)
	b.next = min(2*b.next, longestWait)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}
