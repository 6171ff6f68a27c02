package pg

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/tracing"
)

// tracer records a span per statement of a traced request; background polling is not traced.
type tracer struct{}

func (tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	ctx, _ = tracing.Start(ctx, "sql "+operation(data.SQL), trace.SpanKindClient,
		attribute.String("db.system", "postgresql"), attribute.String("db.query.text", data.SQL))
	return context.WithValue(ctx, ownSpan{}, true)
}

func (tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if own, _ := ctx.Value(ownSpan{}).(bool); own {
		tracing.End(trace.SpanFromContext(ctx), data.Err)
	}
}

// ownSpan marks a context whose span TraceQueryStart started.
type ownSpan struct{}

func operation(sql string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return strings.ToUpper(strings.TrimSpace(word))
}
