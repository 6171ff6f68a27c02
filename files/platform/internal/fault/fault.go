// Package fault gives errors a kind that both transports understand: REST turns it into a status and problem+json,
// gRPC into a code, and the consumers decide by it whether to try again.
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

// Kind says what a caller can do about an error.
type Kind int

// The kinds, from "a bug" to "try again".
const (
	Internal        Kind = iota // a bug or something unforeseen
	Invalid                     // the request itself is wrong
	Unauthenticated             // no, or no valid token
	Forbidden                   // a valid token without the permission
	NotFound                    // there is no such thing, or not for this caller
	Conflict                    // it exists already, or was changed meanwhile
	Precondition                // the state of things does not allow it
	TooLarge                    // the body exceeds the limit
	Unavailable                 // a dependency is away: try again
	Timeout                     // a dependency did not answer in time: try again where that is safe
)

// Error is an error with a kind. Message is meant for the caller; the cause only for the log.
type Error struct {
	Kind    Kind
	Message string
	Fields  map[string]string // for Invalid: what is wrong with which field
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

// New makes an error of a kind, with a message for the caller.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap adds a kind and a message for the caller to a cause.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// Fields collects what is wrong with a request, field by field. The zero value is ready to use.
type Fields map[string]string

// Check records the message for a field unless ok.
func (f *Fields) Check(ok bool, field, message string) {
	if ok {
		return
	}
	if *f == nil {
		*f = Fields{}
	}
	(*f)[field] = message
}

// Err returns nil when nothing was recorded.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Message: "the request is not valid", Fields: f}
}

// KindOf finds the kind of any error: of ours, of the standard library's, and of PostgreSQL's by its SQLSTATE.
func KindOf(err error) Kind {
	var own *Error
	var state interface{ SQLState() string }
	var network net.Error
	switch {
	case errors.As(err, &own):
		return own.Kind
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

// Retryable says whether the same call may succeed later without anything being changed.
func Retryable(err error) bool {
	kind := KindOf(err)
	return kind == Unavailable || kind == Timeout
}

// kindOfState maps the SQLSTATE classes a service can do something about (PostgreSQL manual, appendix A).
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
