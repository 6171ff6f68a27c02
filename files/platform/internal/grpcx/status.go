// Package grpcx is how the services talk to each other: a server that identifies its callers, and clients with deadlines,
// safe retries, a circuit breaker, and a share of every replica.
package grpcx

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"cloudlab.example/platform/internal/fault"
)

var codeOf = map[fault.Kind]codes.Code{
	fault.Internal:        codes.Internal,
	fault.Invalid:         codes.InvalidArgument,
	fault.Unauthenticated: codes.Unauthenticated,
	fault.Forbidden:       codes.PermissionDenied,
	fault.NotFound:        codes.NotFound,
	fault.Conflict:        codes.AlreadyExists,
	fault.Precondition:    codes.FailedPrecondition,
	fault.TooLarge:        codes.ResourceExhausted,
	fault.Unavailable:     codes.Unavailable,
	fault.Timeout:         codes.DeadlineExceeded,
}

var kindOf = func() map[codes.Code]fault.Kind {
	kinds := make(map[codes.Code]fault.Kind, len(codeOf))
	for kind, code := range codeOf {
		kinds[code] = kind
	}
	return kinds
}()

// toStatus makes the answer for an error. The cause of an internal one stays in the log.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	code := codeOf[fault.KindOf(err)]
	var own *fault.Error
	switch {
	case errors.As(err, &own):
		return status.Error(code, own.Message)
	case code == codes.Internal:
		return status.Error(code, "internal error")
	}
	return status.Error(code, err.Error())
}

// fromStatus gives the error of a call a kind. target names the service that was called.
func fromStatus(err error, target string) error {
	if err == nil {
		return nil
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	if kind, known := kindOf[s.Code()]; known {
		return fault.New(kind, "%s: %s", target, s.Message())
	}
	return fault.Wrap(fault.Internal, err, "%s failed", target)
}
