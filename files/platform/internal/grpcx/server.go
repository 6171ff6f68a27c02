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
	"cloudlab.example/platform/internal/log"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/otel"
)

// Authenticate returns a context of the caller that an authorization header proves; "" is an anonymous one.
type Authenticate func(ctx context.Context, header string) (context.Context, error)

// NewServer makes a server whose calls are traced, logged, counted and authenticated. Health and reflection are open and
// quiet. Before started() returns nil, every other call is refused as Unavailable.
func NewServer(authenticate Authenticate, started func() error) *grpc.Server {
	return grpc.NewServer(
		grpc.ChainUnaryInterceptor(serve(authenticate, started)),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 5 * time.Minute, Time: time.Minute}),
	)
}

func serve(authenticate Authenticate, started func() error) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if strings.HasPrefix(info.FullMethod, "/grpc.") {
			return handler(ctx, request)
		}
		begin := time.Now()
		headers := first(metadata.ValueFromIncomingContext, ctx, log.RequestIDHeader, "traceparent", "tracestate", "authorization")
		if headers[log.RequestIDHeader] == "" {
			headers[log.RequestIDHeader] = uuid.NewString()
		}
		ctx = otel.FromHeaders(ctx, headers)
		ctx, span := otel.Start(ctx, strings.TrimPrefix(info.FullMethod, "/"), trace.SpanKindServer,
			attribute.String("rpc.system", "grpc"), attribute.String("request.id", log.RequestID(ctx)))

		var response any
		err := started()
		if err == nil {
			ctx, err = authenticate(ctx, headers["authorization"])
		}
		if err == nil {
			response, err = recovered(ctx, request, handler)
		}

		answer := toStatus(err)
		otel.End(span, answer)
		code := status.Code(answer).String()
		metrics.GRPCServer.WithLabelValues(info.FullMethod, code).Observe(time.Since(begin).Seconds())
		logCall(ctx, info.FullMethod, code, begin, err)
		return response, answer
	}
}

func logCall(ctx context.Context, method, code string, begin time.Time, err error) {
	attrs := []any{"method", method, "code", code, "duration_ms", float64(time.Since(begin).Microseconds()) / 1000}
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	level := slog.LevelInfo
	if err != nil && fault.KindOf(err) == fault.Internal {
		level = slog.LevelError
	}
	slog.Log(ctx, level, "call", attrs...)
}

func recovered(ctx context.Context, request any, handler grpc.UnaryHandler) (response any, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.ErrorContext(ctx, "panic", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fault.New(fault.Internal, "internal error")
		}
	}()
	return handler(ctx, request)
}

// first picks the first value of each key.
func first(values func(context.Context, string) []string, ctx context.Context, keys ...string) map[string]string {
	picked := make(map[string]string, len(keys))
	for _, key := range keys {
		if all := values(ctx, key); len(all) > 0 {
			picked[key] = all[0]
		}
	}
	return picked
}
