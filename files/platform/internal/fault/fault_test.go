package fault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"testing"
)

type stateError string

func (s stateError) Error() string    { return "sql: " + string(s) }
func (s stateError) SQLState() string { return string(s) }

func TestKindOf(t *testing.T) {
	tests := []struct {
		name string
		err  error
		want Kind
	}{
		{"own", New(Forbidden, "no"), Forbidden},
		{"own, wrapped", fmt.Errorf("order: %w", New(NotFound, "no order")), NotFound},
		{"own wins over its cause", Wrap(Precondition, sql.ErrNoRows, "gone"), Precondition},
		{"no rows", fmt.Errorf("query: %w", sql.ErrNoRows), NotFound},
		{"unique violation", stateError("23505"), Conflict},
		{"server shutting down", stateError("57P01"), Unavailable},
		{"too many connections", stateError("53300"), Unavailable},
		{"syntax error", stateError("42601"), Internal},
		{"deadline", fmt.Errorf("call: %w", context.DeadlineExceeded), Timeout},
		{"connection refused", &net.OpError{Op: "dial", Err: errors.New("refused")}, Unavailable},
		{"anything else", errors.New("boom"), Internal},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := KindOf(test.err); got != test.want {
				t.Errorf("KindOf(%v) = %d, want %d", test.err, got, test.want)
			}
		})
	}
}

func TestFields(t *testing.T) {
	var fields Fields
	fields.Check(true, "name", "is required")
	if err := fields.Err(); err != nil {
		t.Fatalf("Err() = %v without a fault", err)
	}
	fields.Check(false, "email", "is not an address")
	var err *Error
	if !errors.As(fields.Err(), &err) || err.Kind != Invalid || err.Fields["email"] == "" {
		t.Fatalf("Err() = %#v", fields.Err())
	}
}
