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

// fakeParticipants return configured results and record the calls.
type fakeParticipants struct {
	calls                            []string
	reserve, commit, refund, release error
	charge                           payment
	chargeErr                        error
}

func (a *fakeParticipants) record(name string, err error) error {
	a.calls = append(a.calls, name)
	return err
}

func (a *fakeParticipants) Reserve(context.Context, order) error {
	return a.record("reserve", a.reserve)
}

func (a *fakeParticipants) Commit(context.Context, order) error { return a.record("commit", a.commit) }

func (a *fakeParticipants) Refund(context.Context, order) error { return a.record("refund", a.refund) }

func (a *fakeParticipants) Release(context.Context, order) error {
	return a.record("release", a.release)
}

func (a *fakeParticipants) Charge(context.Context, order) (payment, string, error) {
	return a.charge, "because", a.record("charge", a.chargeErr)
}

// runSaga runs a saga to its end like the engine, without a store and without delays.
func runSaga(t *testing.T, a *fakeParticipants, from order, now func() time.Time) order {
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
	t.Fatalf("the saga does not end: %+v", from)
	return from
}

func TestSaga(t *testing.T) {
	no := fault.New(fault.Precondition, "no")
	tests := []struct {
		name         string
		participants fakeParticipants
		end          state
		reason       string
		calls        string
	}{
		{"all goes well", fakeParticipants{}, confirmed, "", "reserve charge commit"},
		{"out of stock", fakeParticipants{reserve: no}, cancelled, "no", "reserve release"},
		{"declined", fakeParticipants{charge: paymentDeclined}, cancelled, "payment declined: because", "reserve charge release"},
		{"provider silent", fakeParticipants{charge: paymentPending}, cancelled, "does not respond", "reserve charge charge charge refund release"},
		{"payment voided meanwhile", fakeParticipants{chargeErr: no}, cancelled, "no", "reserve charge refund release"},
		{"reservation expired", fakeParticipants{commit: no}, cancelled, "no", "reserve charge commit refund release"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			end := runSaga(t, &test.participants, order{State: pending, enteredAt: time.Now()}, time.Now)
			if end.State != test.end || !strings.Contains(end.Reason, test.reason) {
				t.Errorf("%s because of %q, want %s because of %q", end.State, end.Reason, test.end, test.reason)
			}
			if got := strings.Join(test.participants.calls, " "); got != test.calls {
				t.Errorf("calls %q, want %q", got, test.calls)
			}
		})
	}
}

// TestCrashAfterAnyCall repeats each step as after a crash: the participants are called twice, with the same result.
func TestCrashAfterAnyCall(t *testing.T) {
	for _, crashAt := range []state{pending, reserved, paid} {
		a := &fakeParticipants{}
		lost := step(t.Context(), a, order{State: crashAt, enteredAt: time.Now()}, time.Now()) // its result is never stored
		end := runSaga(t, a, order{State: crashAt, enteredAt: time.Now()}, time.Now)
		if end.State != confirmed || lost.next == crashAt {
			t.Errorf("crash in %s: %s", crashAt, end.State)
		}
		if a.calls[0] != a.calls[1] {
			t.Errorf("crash in %s: calls %v", crashAt, a.calls)
		}
	}
}

func TestStepRetryLimit(t *testing.T) {
	unavailable := fault.New(fault.Unavailable, "inventory is unavailable")
	now := time.Now()
	clock := func() time.Time { now = now.Add(10 * time.Second); return now }
	a := &fakeParticipants{reserve: unavailable}
	end := runSaga(t, a, order{State: pending, enteredAt: now}, clock)
	if end.State != cancelled || !slices.Contains(a.calls, "release") {
		t.Errorf("%+v, calls %v", end, a.calls)
	}
}

func TestCompensationIsRetriedWithoutLimit(t *testing.T) {
	a := &fakeParticipants{refund: errors.New("payment unavailable")}
	long := order{State: refunding, enteredAt: time.Now().Add(-24 * time.Hour), attempts: 1000}
	if out := step(t.Context(), a, long, time.Now()); out.next != refunding || out.wait != maxBackoff {
		t.Errorf("%+v", out)
	}
}
