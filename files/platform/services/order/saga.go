package order

import (
	"context"
	"time"

	"cloudlab.example/platform/internal/fault"
)

// state is the state of an order's saga, which has three steps and their compensation in reverse order:
//
//	pending --reserve--> reserved --charge--> paid --commit--> confirmed
//	   |                    |                   |
//	   |  out of stock      |  declined         |  reservation gone, or cancelled by the customer
//	   v                    v                   v
//	cancelled <--release-- releasing <--refund-- refunding
//
// Every step is one call to another service, idempotent by the order's ID, after which the new state is stored. After a crash
// in between, only that call is repeated.
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
	minBackoff     = 100 * time.Millisecond
	maxBackoff     = 5 * time.Second
	stepRetryLimit = 2 * time.Minute // for a step whose service is unavailable
	maxCharges     = 3               // attempts if the payment provider does not respond
)

// payment is the result of a charge.
type payment int

const (
	paymentApproved payment = iota
	paymentDeclined
	paymentPending // the provider did not respond
	paymentClosed  // refunded or voided
)

// participants are the services that take part in the saga. They reject a call with Precondition; retryable errors are retried.
type participants interface {
	Reserve(ctx context.Context, o order) error
	Charge(ctx context.Context, o order) (payment, string, error)
	Commit(ctx context.Context, o order) error
	Refund(ctx context.Context, o order) error
	Release(ctx context.Context, o order) error
}

// outcome is the result of one attempt at a step.
type outcome struct {
	next   state         // unchanged: retry the step
	reason string        // why the order fails
	wait   time.Duration // before the next attempt
}

// step runs one attempt at the step of the order's state. It stores nothing.
func step(ctx context.Context, services participants, o order, now time.Time) outcome {
	switch o.State {
	case pending:
		return forward(o, now, services.Reserve(ctx, o), reserved, releasing)
	case reserved:
		return charge(ctx, services, o, now)
	case paid:
		return forward(o, now, services.Commit(ctx, o), confirmed, refunding)
	case refunding:
		return backward(o, services.Refund(ctx, o), releasing)
	case releasing:
		return backward(o, services.Release(ctx, o), cancelled)
	}
	return outcome{next: o.State}
}

// forward continues after a success, compensates after a rejection or when the retry limit is exceeded, and otherwise retries.
func forward(o order, now time.Time, err error, success, failure state) outcome {
	switch {
	case err == nil:
		return outcome{next: success}
	case isRejection(err):
		return outcome{next: failure, reason: err.Error()}
	case now.Sub(o.enteredAt) > stepRetryLimit:
		return outcome{next: failure, reason: "gave up: " + err.Error()}
	}
	return outcome{next: o.State, reason: err.Error(), wait: backoffAfter(o.attempts)}
}

// charge compensates including a refund, unless the payment was definitely not charged.
func charge(ctx context.Context, services participants, o order, now time.Time) outcome {
	result, reason, err := services.Charge(ctx, o)
	switch {
	case err != nil:
		return forward(o, now, err, paid, refunding)
	case result == paymentApproved:
		return outcome{next: paid}
	case result == paymentPending && o.attempts+1 < maxCharges:
		return outcome{next: reserved, reason: "the payment provider does not respond", wait: backoffAfter(o.attempts)}
	case result == paymentPending:
		return outcome{next: refunding, reason: "the payment provider does not respond"}
	}
	return outcome{next: releasing, reason: "payment declined: " + reason}
}

// backward retries without limit, because compensation must complete.
func backward(o order, err error, success state) outcome {
	if err == nil {
		return outcome{next: success, reason: o.Reason}
	}
	return outcome{next: o.State, reason: o.Reason, wait: backoffAfter(o.attempts)}
}

// isRejection reports whether a service rejected the call. Unauthenticated is not a rejection: the own token may have expired.
func isRejection(err error) bool {
	switch fault.KindOf(err) {
	case fault.Precondition, fault.Invalid, fault.Conflict, fault.NotFound:
		return true
	}
	return false
}

func backoffAfter(attempts int) time.Duration {
	return min(minBackoff<<min(attempts, 10), maxBackoff)
}
