package order

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudlab.example/platform/internal/fault"
)

// actors is what the participants answer, and what they were asked.
type actors struct {
	asked                            []string
	reserve, commit, refund, release error
	charge                           payment
	chargeErr                        error
}

func (a *actors) ask(name string, err error) error {
	a.asked = append(a.asked, name)
	return err
}

func (a *actors) Reserve(context.Context, order) error { return a.ask("reserve", a.reserve) }
func (a *actors) Commit(context.Context, order) error  { return a.ask("commit", a.commit) }
func (a *actors) Refund(context.Context, order) error  { return a.ask("refund", a.refund) }
func (a *actors) Release(context.Context, order) error { return a.ask("release", a.release) }
func (a *actors) Charge(context.Context, order) (payment, string, error) {
	return a.charge, "because", a.ask("charge", a.chargeErr)
}

// play runs a saga to its end, as the engine does, without a store or pauses.
func play(t *testing.T, a *actors, from order, now func() time.Time) order {
	t.Helper()
	for range 100 {
		if from.State.final() {
			return from
		}
		out := step(t.Context(), a, from, now())
		if out.next == from.State {
			from.attempts++
		} else {
			from.attempts, from.enteredAt = 0, now()
		}
		from.State, from.Reason = out.next, out.reason
	}
	t.Fatalf("no end: %+v", from)
	return from
}

func TestSaga(t *testing.T) {
	no := fault.New(fault.Precondition, "no")
	tests := []struct {
		name   string
		actors actors
		end    state
		reason string
		asked  string
	}{
		{"all goes well", actors{}, confirmed, "", "reserve charge commit"},
		{"out of stock", actors{reserve: no}, cancelled, "no", "reserve release"},
		{"declined", actors{charge: paymentDeclined}, cancelled, "payment declined: because", "reserve charge release"},
		{"provider silent", actors{charge: paymentPending}, cancelled, "does not answer", "reserve charge charge charge refund release"},
		{"payment voided meanwhile", actors{chargeErr: no}, cancelled, "no", "reserve charge refund release"},
		{"reservation expired", actors{commit: no}, cancelled, "no", "reserve charge commit refund release"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			end := play(t, &test.actors, order{State: pending, enteredAt: time.Now()}, time.Now)
			if end.State != test.end || !strings.Contains(end.Reason, test.reason) {
				t.Errorf("%s because of %q, want %s because of %q", end.State, end.Reason, test.end, test.reason)
			}
			if got := strings.Join(test.actors.asked, " "); got != test.asked {
				t.Errorf("asked %q, want %q", got, test.asked)
			}
		})
	}
}

// TestCrashAfterAnyCall repeats each step as a restart would: the participants see a call twice, the order ends the same.
func TestCrashAfterAnyCall(t *testing.T) {
	for _, crashAt := range []state{pending, reserved, paid} {
		a := &actors{}
		lost := step(t.Context(), a, order{State: crashAt, enteredAt: time.Now()}, time.Now()) // its result is never stored
		end := play(t, a, order{State: crashAt, enteredAt: time.Now()}, time.Now)
		if end.State != confirmed || lost.next == crashAt {
			t.Errorf("crash in %s: %s", crashAt, end.State)
		}
		if a.asked[0] != a.asked[1] {
			t.Errorf("crash in %s: asked %v", crashAt, a.asked)
		}
	}
}

func TestPatienceEnds(t *testing.T) {
	away := fault.New(fault.Unavailable, "inventory is away")
	now := time.Now()
	clock := func() time.Time { now = now.Add(10 * time.Second); return now }
	a := &actors{reserve: away}
	end := play(t, a, order{State: pending, enteredAt: now}, clock)
	if end.State != cancelled || !slices.Contains(a.asked, "release") {
		t.Errorf("%+v, asked %v", end, a.asked)
	}
}

func TestCompensationNeverGivesUp(t *testing.T) {
	a := &actors{refund: errors.New("payment is broken")}
	long := order{State: refunding, enteredAt: time.Now().Add(-24 * time.Hour), attempts: 1000}
	if out := step(t.Context(), a, long, time.Now()); out.next != refunding || out.wait != longestWait {
		t.Errorf("%+v", out)
	}
}
