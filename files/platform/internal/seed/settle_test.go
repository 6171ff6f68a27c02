package seed

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestSettleWaitsForSearchAndAnalytics(t *testing.T) {
	for _, test := range []struct {
		name                 string
		before               Processed
		unindexed, uncounted int
		ready                time.Duration // when both have processed everything
		waited               time.Duration
		missing, reports     []string
	}{
		{name: "nothing to wait for"},
		{
			name: "search", unindexed: 2, ready: 12*time.Second - time.Millisecond, waited: 12 * time.Second,
			reports: []string{"waiting: search finds 4 of 6 products", "waiting: search finds 4 of 6 products"},
		},
		{
			name: "analytics", uncounted: 9, ready: 3*time.Second - time.Millisecond, waited: 3 * time.Second,
		},
		{
			name: "timeout", unindexed: 6, uncounted: 1, ready: time.Hour, waited: 16 * time.Second,
			missing: []string{"search finds 0 of 6 products", "analytics has counted 8 of 9 orders"},
			reports: slices.Repeat(
				[]string{"waiting: search finds 0 of 6 products; analytics has counted 8 of 9 orders"}, 3),
		},
		{
			name: "added to others", before: Processed{Products: 10, Orders: 20}, ready: time.Hour, waited: 16 * time.Second,
			missing: []string{"search finds 6 of 16 products", "analytics has counted 9 of 29 orders"},
			reports: slices.Repeat(
				[]string{"waiting: search finds 6 of 16 products; analytics has counted 9 of 29 orders"}, 3),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := seeded(t, "small")
				p.unindexed, p.uncounted = test.unindexed, test.uncounted
				timer := time.AfterFunc(test.ready, func() {
					p.mu.Lock()
					defer p.mu.Unlock()
					p.unindexed, p.uncounted = 0, 0
				})
				defer timer.Stop()
				seeder, reports := seederFor(t, p, "small")
				seeder.Made = Made{Products: 6, Orders: 9}
				begun := time.Now()
				missing, err := seeder.Settle(t.Context(), test.before, 16*time.Second)
				if waited := time.Since(begun); err != nil || waited != test.waited {
					t.Errorf("waited %s, error %v; want %s", waited, err, test.waited)
				}
				if !slices.Equal(missing, test.missing) {
					t.Errorf("missing %q, want %q", missing, test.missing)
				}
				if !slices.Equal(*reports, test.reports) {
					t.Errorf("reported %q, want %q", *reports, test.reports)
				}
			})
		})
	}
}

func TestSettleEndsWhenItIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		p.unindexed = 1
		seeder, _ := seederFor(t, p, "small")
		ctx, cancel := context.WithTimeout(t.Context(), 3100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err := seeder.Settle(ctx, Processed{}, time.Minute)
		if waited := time.Since(begun); !errors.Is(err, context.DeadlineExceeded) || waited != 3100*time.Millisecond {
			t.Errorf("got %v after %s", err, waited)
		}
	})
}

func TestEachBoundsItsConcurrencyAndReportsProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seeder, reports := seederFor(t, newPlatform(), "small")
		var running, most atomic.Int64
		err := each(t.Context(), seeder, "things are made", make([]int, 10), func(int) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(4 * time.Second)
			running.Add(-1)
			return nil
		})
		want := []string{"4 of 10 things are made", "8 of 10 things are made", "10 things are made (12.0 s)"}
		if err != nil || !slices.Equal(*reports, want) {
			t.Errorf("error %v, reported %q, want %q", err, *reports, want)
		}
		if most.Load() != 4 {
			t.Errorf("%d calls at once, want 4", most.Load())
		}
	})
}

func TestEachStopsAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seeder, reports := seederFor(t, newPlatform(), "small")
		broken := errors.New("broken")
		var started, ended atomic.Int64
		err := each(t.Context(), seeder, "things are made", []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, func(i int) error {
			started.Add(1)
			defer ended.Add(1)
			if i == 1 {
				time.Sleep(time.Second)
				return broken
			}
			time.Sleep(2 * time.Second)
			return nil
		})
		if !errors.Is(err, broken) || len(*reports) > 0 {
			t.Errorf("error %v, reported %q", err, *reports)
		}
		if started.Load() != 4 || ended.Load() != started.Load() {
			t.Errorf("%d calls began and %d ended", started.Load(), ended.Load())
		}
	})
}
