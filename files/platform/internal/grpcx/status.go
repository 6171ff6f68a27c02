// Package grpcx provides gRPC servers that authenticate their callers, and clients with deadlines, safe retries, a circuit
// breaker and load balancing.
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

// toStatus converts an error to a gRPC status. The cause of an internal error is only logged.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return s.Err()
	}
	code := codeOf[fault.KindOf(err)]
	var faultErr *fault.Error
	switch {
	case errors.As(err, &faultErr):
		return status.Error(code, faultErr.Message)
	case code == codes.Internal:
		return status.Error(code, "internal error")
	}
	return status.Error(code, err.Error())
}

// fromStatus converts the error of a call to target to an error with a kind.
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
