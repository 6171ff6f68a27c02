package grpcx

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/logging"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/tracing"
)

// Authenticate returns a context with the caller of an authorization header; "" is an anonymous caller.
type Authenticate func(ctx context.Context, header string) (context.Context, error)

// NewServer returns a server whose calls are traced, logged, counted and authenticated. Health and reflection are public and
// not logged. Until started returns nil, every other call fails as Unavailable.
func NewServer(authenticate Authenticate, started func() error) *grpc.Server {
	return grpc.NewServer(
		grpc.ChainUnaryInterceptor(serverInterceptor(authenticate, started)),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 5 * time.Minute, Time: time.Minute}),
	)
}

func serverInterceptor(authenticate Authenticate, started func() error) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/grpc.") {
			return handler(ctx, request)
		}
		start := time.Now()
		headers := firstValues(ctx, logging.RequestIDHeader, "traceparent", "tracestate", "authorization")
		if headers[logging.RequestIDHeader] == "" {
			headers[logging.RequestIDHeader] = uuid.NewString()
		}
		ctx = tracing.FromHeaders(ctx, headers)
		ctx, span := tracing.Start(ctx, strings.TrimPrefix(info.FullMethod, "/"), trace.SpanKindServer,
			attribute.String("rpc.system", "grpc"), attribute.String("request.id", logging.RequestID(ctx)))

		var response any
		err := started()
		if err == nil {
			ctx, err = authenticate(ctx, headers["authorization"])
		}
		if err == nil {
			response, err = callRecovered(ctx, request, handler)
		}

		result := toStatus(err)
		tracing.End(span, result)
		code := status.Code(result).String()
		metrics.GRPCServer.WithLabelValues(info.FullMethod, code).Observe(time.Since(start).Seconds())
		logCall(ctx, info.FullMethod, code, start, err)
		return response, result
	}
}

func logCall(ctx context.Context, method, code string, start time.Time, err error) {
	attrs := []any{"method", method, "code", code, "duration_ms", float64(time.Since(start).Microseconds()) / 1000}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	level := slog.LevelInfo
	if err != nil && fault.KindOf(err) == fault.Internal {
		level = slog.LevelError
	}
	slog.Log(ctx, level, "call", attrs...)
}

// callRecovered converts a panic of a handler to an error.
func callRecovered(ctx context.Context, request any, handler grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.ErrorContext(ctx, "panic", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal error")
		}
	}()
	return handler(ctx, request)
}

// firstValues returns the first value of each key in the incoming metadata.
func firstValues(ctx context.Context, keys ...string) map[string]string {
	values := make(map[string]string, len(keys))
	for _, key := range keys {
		if all := metadata.ValueFromIncomingContext(ctx, key); len(all) > 0 {
			values[key] = all[0]
		}
	}
	return values
}
