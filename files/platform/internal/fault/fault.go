// Package fault gives errors a kind that maps to an HTTP status and problem details, to a gRPC code, and to the decision
// whether a consumer retries.
package fault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// Kind classifies an error by what a caller can do about it.
type Kind int

// The kinds of errors.
const (
	Internal        Kind = iota // a bug or an unexpected failure
	Invalid                     // the request is malformed
	Unauthenticated             // no token, or an invalid one
	Forbidden                   // the permission is missing
	NotFound                    // it does not exist, or is not visible to this caller
	Conflict                    // it already exists, or was changed concurrently
	Precondition                // the current state does not allow it
	TooLarge                    // the body exceeds the limit
	Unavailable                 // a dependency is unavailable: retry
	Timeout                     // a dependency did not respond in time: retry if that is safe
)

// Error is an error with a kind. Message is for the caller, Cause only for the log.
type Error struct {
	Kind    Kind
	Message string
	Fields  map[string]string // for Invalid: a message per field
	Cause   error
}

// Error joins message and cause.
func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New returns an error of a kind, with a message for the caller.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap adds a kind and a message for the caller to a cause.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Fields collects the invalid fields of a request. The zero value is ready to use.
type Fields map[string]string

// Check records a message for the field unless ok.
func (f *Fields) Check(ok bool, field, message string) {
	if ok {
		return
	}
	if *f == nil {
		*f = Fields{}
	}
	(*f)[field] = message
}

// Err returns nil if no message was recorded.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: "the request is not valid", Fields: f}
}

// KindOf returns the kind of any error: of this package, of the standard library, or of PostgreSQL by its SQLSTATE.
func KindOf(err error) Kind {
	var faultErr *Error
	var state interface{ SQLState() string }
	var network net.Error
	switch {
	case errors.As(err, &faultErr):
		return faultErr.Kind
	case errors.Is(err, sql.ErrNoRows): // pgx.ErrNoRows wraps it
		return NotFound
	case errors.As(err, &state):
		return kindOfState(state.SQLState())
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Unavailable
	}
	return Internal
}

// Retryable reports whether the same call may succeed later.
func Retryable(err error) bool {
	kind := KindOf(err)
	return kind == Unavailable || kind == Timeout
}

// kindOfState maps SQLSTATE codes (PostgreSQL manual, appendix A) to kinds.
func kindOfState(state string) Kind {
	switch {
	case state == "23505": // unique_violation
		return Conflict
	case strings.HasPrefix(state, "08"), // connection exception
		strings.HasPrefix(state, "53"),     // insufficient resources, too many connections
		strings.HasPrefix(state, "57P"),    // shutting down, starting up
		state == "40001", state == "40P01": // serialization failure, deadlock
		return Unavailable
	}
	return Internal
}
