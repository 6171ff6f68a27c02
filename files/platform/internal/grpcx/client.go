package grpcx

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/tracing"
)

// DefaultTimeout limits a call, including retries, whose context has no deadline.
const DefaultTimeout = 3 * time.Second

// serviceConfig balances calls over all replicas and retries UNAVAILABLE, with a limit and throttling. Retries are safe:
// every method of the platform is a read or idempotent by the ID in its request.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.2},
  "methodConfig": [{
    "name": [{}],
    "retryPolicy": {
      "maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }]
}`

// Dial returns a client connection to a service at host:port. It connects when first used and reconnects as needed. Calls
// carry the token, unless token is nil.
func Dial(target, address string, token credentials.PerRPCCredentials, extra ...grpc.DialOption) (*grpc.ClientConn, error) {
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithResolvers(newResolver()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second},
			MinConnectTimeout: 2 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}),
		grpc.WithChainUnaryInterceptor(clientInterceptor(target, newBreaker(target))),
	}
	if token != nil {
		options = append(options, grpc.WithPerRPCCredentials(token))
	}
	conn, err := grpc.NewClient(scheme+":///"+address, append(options, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", target, err)
	}
	return conn, nil
}

// Ready returns a check that fails while the connection is broken. An unused connection counts as healthy.
func Ready(conn *grpc.ClientConn) func(context.Context) error {
	return func(context.Context) error {
		if state := conn.GetState(); state == connectivity.TransientFailure {
			return fault.New(fault.Unavailable, "no connection to %s", conn.Target())
		}
		return nil
	}
}

// clientInterceptor adds a deadline, a span, IDs, the breaker and a metric to every call, and a kind to its error.
func clientInterceptor(target string, breaker *breaker) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		start := time.Now()
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
			defer cancel()
		}
		ctx, span := tracing.Start(ctx, strings.TrimPrefix(method, "/"), trace.SpanKindClient,
			attribute.String("rpc.system", "grpc"), attribute.String("peer.service", target))
		for key, value := range tracing.Headers(ctx) {
			ctx = metadata.AppendToOutgoingContext(ctx, key, value)
		}
		err := breaker.do(func() error {
			return fromStatus(invoke(ctx, method, request, reply, conn, options...), target)
		})
		tracing.End(span, err)
		code := status.Code(toStatus(err)).String()
		metrics.GRPCClient.WithLabelValues(method, code).Observe(time.Since(start).Seconds())
		return err
	}
}
