package order

import (
	"context"
	"time"

	"cloudlab.example/platform/internal/fault"
)

// An order is a saga: three steps forward, and their compensation in reverse.
//
//	pending --reserve--> reserved --charge--> paid --commit--> confirmed
//	   |                    |                   |
//	   |  out of stock      |  declined         |  reservation gone, or cancelled by the customer
//	   v                    v                   v
//	cancelled <--release-- releasing <--refund-- refunding
//
// Every step is one call to another service, idempotent by the order's id, and one state stored afterwards. A crash in
// between repeats the call and nothing else.
type state string

const (
	pending   state = "pending"
	reserved  state = "reserved"
	paid      state = "paid"
	confirmed state = "confirmed"
	refunding state = "refunding"
	releasing state = "releasing"
	cancelled state = "cancelled"
)

func (s state) final() bool { return s == confirmed || s == cancelled }

const (
	firstPause  = 100 * time.Millisecond
	longestWait = 5 * time.Second
	patience    = 2 * time.Minute // with a service that is away, before the order is given up
	maxCharges  = 3               // of a payment provider that does not answer
)

// payment is what the saga needs to know of a charge.
type payment int

const (
	paymentApproved payment = iota
	paymentDeclined
	paymentPending // the provider did not answer
	paymentClosed  // refunded or voided
)

// participants are the services that take part. Precondition means a definite no; retryable faults mean "ask again".
type participants interface {
	Reserve(ctx context.Context, o order) error
	Charge(ctx context.Context, o order) (payment, string, error)
	Commit(ctx context.Context, o order) error
	Refund(ctx context.Context, o order) error
	Release(ctx context.Context, o order) error
}

// outcome is what one attempt at a step decided.
type outcome struct {
	next   state         // the same as before: try again
	reason string        // why the order fails, kept with it
	wait   time.Duration // before the next attempt
}

// step makes one attempt at the step that the order's state asks for. It stores nothing.
func step(ctx context.Context, with participants, o order, now time.Time) outcome {
	switch o.State {
	case pending:
		return forward(o, now, with.Reserve(ctx, o), reserved, releasing)
	case reserved:
		return charge(ctx, with, o, now)
	case paid:
		return forward(o, now, with.Commit(ctx, o), confirmed, refunding)
	case refunding:
		return backward(o, with.Refund(ctx, o), releasing)
	case releasing:
		return backward(o, with.Release(ctx, o), cancelled)
	}
	return outcome{next: o.State}
}

// forward goes on after a success, compensates after a definite no or when patience is out, and otherwise tries again.
func forward(o order, now time.Time, err error, success, failure state) outcome {
	switch {
	case err == nil:
		return outcome{next: success}
	case isNo(err):
		return outcome{next: failure, reason: reasonOf(err)}
	case now.Sub(o.enteredAt) > patience:
		return outcome{next: failure, reason: "given up: " + reasonOf(err)}
	}
	return outcome{next: o.State, reason: reasonOf(err), wait: pauseAfter(o.attempts)}
}

// charge compensates from the refund on unless the money certainly did not move.
func charge(ctx context.Context, with participants, o order, now time.Time) outcome {
	result, reason, err := with.Charge(ctx, o)
	switch {
	case err != nil:
		return forward(o, now, err, paid, refunding)
	case result == paymentApproved:
		return outcome{next: paid}
	case result == paymentPending && o.attempts+1 < maxCharges:
		return outcome{next: reserved, reason: "the payment provider does not answer", wait: pauseAfter(o.attempts)}
	case result == paymentPending:
		return outcome{next: refunding, reason: "the payment provider does not answer"}
	}
	return outcome{next: releasing, reason: "payment declined: " + reason}
}

// backward never gives up: what was taken must be given back.
func backward(o order, err error, success state) outcome {
	if err == nil {
		return outcome{next: success, reason: o.Reason}
	}
	return outcome{next: o.State, reason: o.Reason, wait: pauseAfter(o.attempts)}
}

// isNo tells a refusal from a failure. Unauthenticated is a failure: our own token may have expired meanwhile.
func isNo(err error) bool {
	switch fault.KindOf(err) {
	case fault.Precondition, fault.Invalid, fault.Conflict, fault.NotFound:
		return true
	}
	return false
}

func reasonOf(err error) string { return err.Error() }

func pauseAfter(attempts int) time.Duration {
	return min(firstPause<<min(attempts, 10), longestWait)
}
