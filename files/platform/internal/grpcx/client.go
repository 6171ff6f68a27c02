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
	"cloudlab.example/platform/internal/otel"
)

// DefaultTimeout bounds a call, retries included, whose context has no earlier deadline.
const DefaultTimeout = 3 * time.Second

// Calls are spread over all replicas. UNAVAILABLE is tried again, at most four times and not when most calls fail:
// that is safe, since every method of the platform is a read or idempotent by the id in its request.
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

// Dial makes a client of a service at host:port. It connects when first used, and survives that the service is away.
// Calls carry the token, unless token is nil.
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
		grpc.WithChainUnaryInterceptor(call(target, newBreaker(target))),
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

// Ready is an error while a connection is known to be broken. One that was not used yet counts as good.
func Ready(conn *grpc.ClientConn) func(context.Context) error {
	return func(context.Context) error {
		if state := conn.GetState(); state == connectivity.TransientFailure {
			return fault.New(fault.Unavailable, "no connection to %s", conn.Target())
		}
		return nil
	}
}

// call is what surrounds every call: deadline, span and ids, breaker, metric, and an error with a kind.
func call(target string, breaker *breaker) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		begin := time.Now()
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, DefaultTimeout)
			defer cancel()
		}
		ctx, span := otel.Start(ctx, strings.TrimPrefix(method, "/"), trace.SpanKindClient,
			attribute.String("rpc.system", "grpc"), attribute.String("peer.service", target))
		for key, value := range otel.Headers(ctx) {
			ctx = metadata.AppendToOutgoingContext(ctx, key, value)
		}
		err := breaker.do(func() error {
			return fromStatus(invoke(ctx, method, request, reply, conn, options...), target)
		})
		otel.End(span, err)
		code := status.Code(toStatus(err)).String()
		metrics.GRPCClient.WithLabelValues(method, code).Observe(time.Since(begin).Seconds())
		return err
	}
}
