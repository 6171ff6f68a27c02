// Package tracing sets up OpenTelemetry tracing and propagates its context over REST, gRPC and Kafka. Spans always have IDs,
// so that log lines can be correlated; they are recorded and sent only if the environment configures an exporter:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318   OTLP over HTTP
//	OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG        as in the OpenTelemetry specification
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/logging"
)

var propagator = propagation.TraceContext{}

// Setup installs the tracer provider. The returned function flushes pending spans; call it last.
func Setup(ctx context.Context, service string) (func(context.Context) error, error) {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { slog.Warn("tracing", "error", err) }))
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	options := []sdk.TracerProviderOption{
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", serviceName(service)))),
	}
	if exporter == nil {
		options = append(options, sdk.WithSampler(sdk.NeverSample()))
	} else {
		options = append(options, sdk.WithBatcher(exporter))
	}
	provider := sdk.NewTracerProvider(options...)
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagator)
	return provider.Shutdown, nil
}

func newExporter(ctx context.Context) (sdk.SpanExporter, error) {
	switch {
	case os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none":
		return nil, nil
	case os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "", os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "":
		return otlptracehttp.New(ctx)
	}
	return nil, nil
}

func serviceName(fallback string) string {
	if name := os.Getenv("OTEL_SERVICE_NAME"); name != "" {
		return name
	}
	return fallback
}

// Start begins a span as a child of the context's.
func Start(ctx context.Context, name string, kind trace.SpanKind, attrs ...attribute.KeyValue) (context.Context, trace.Span) {
	return otel.Tracer("cloudlab.example/platform").Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
}

// End ends a span, as failed when err is not nil.
func End(span trace.Span, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// Headers returns the trace context and the request ID as headers for another process.
func Headers(ctx context.Context) map[string]string {
	headers := propagation.MapCarrier{}
	propagator.Inject(ctx, headers)
	if id := logging.RequestID(ctx); id != "" {
		headers[logging.RequestIDHeader] = id
	}
	return headers
}

// FromHeaders returns a context that continues the request that Headers described.
func FromHeaders(ctx context.Context, headers map[string]string) context.Context {
	carrier := propagation.MapCarrier(maps.Clone(headers))
	ctx = propagator.Extract(ctx, carrier)
	if id := headers[logging.RequestIDHeader]; id != "" {
		ctx = logging.WithRequestID(ctx, id)
	}
	return ctx
}
