package pg

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/otel"
)

// tracer makes a span of every statement that belongs to a recorded request; polling in the background makes none.
type tracer struct{}

func (tracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	ctx, _ = otel.Start(ctx, "sql "+operation(data.SQL), trace.SpanKindClient,
		attribute.String("db.system", "postgresql"), attribute.String("db.query.text", data.SQL))
	return context.WithValue(ctx, ownSpan{}, true)
}

func (tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	if own, _ := ctx.Value(ownSpan{}).(bool); own {
		otel.End(trace.SpanFromContext(ctx), data.Err)
	}
}

// ownSpan marks a context whose span TraceQueryStart began.
type ownSpan struct{}

func operation(sql string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	return strings.ToUpper(strings.TrimSpace(word))
}
