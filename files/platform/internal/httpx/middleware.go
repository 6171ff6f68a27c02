package httpx

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"cloudlab.example/platform/internal/logging"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/tracing"
)

// Observe wraps the API's routes. From the outside in: request ID, span, log line and metric, recovery from panics. route
// returns the pattern that a request matches.
func Observe(route func(*http.Request) string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		name := route(r)
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx = logging.WithRequestID(ctx, requestID(r))
		ctx, span := tracing.Start(ctx, spanName(r, name), trace.SpanKindServer,
			attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path),
			attribute.String("http.route", name), attribute.String("request.id", logging.RequestID(ctx)))
		defer span.End()
		w.Header().Set(logging.RequestIDHeader, logging.RequestID(ctx))
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}

		serveRecovered(recorder, r.WithContext(ctx), next)

		span.SetAttributes(attribute.Int("http.response.status_code", recorder.status))
		if recorder.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(recorder.status))
		}
		duration := time.Since(start)
		metrics.HTTPRequests.WithLabelValues(r.Method, name, strconv.Itoa(recorder.status)).Observe(duration.Seconds())
		slog.InfoContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "route", name,
			"status", recorder.status, "bytes", recorder.bytes, "duration_ms", float64(duration.Microseconds())/1000)
	})
}

// serveRecovered responds with 500 if the handler panics.
func serveRecovered(w *recorder, r *http.Request, next http.Handler) {
	defer func() {
		cause := recover()
		if cause == nil || cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
			return
		}
		slog.ErrorContext(r.Context(), "panic", "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if !w.wrote {
			writeProblem(w, r, Problem{Status: http.StatusInternalServerError})
		}
	}()
	next.ServeHTTP(w, r)
}

func spanName(r *http.Request, route string) string {
	if route == "" {
		return r.Method
	}
	return route // a pattern includes the method
}

// requestID returns the caller's ID if it is safe in logs and headers, and a new one otherwise.
func requestID(r *http.Request) string {
	id := r.Header.Get(logging.RequestIDHeader)
	if len(id) == 0 || len(id) > 128 {
		return uuid.NewString()
	}
	for _, c := range id {
		if c <= ' ' || c > '~' {
			return uuid.NewString()
		}
	}
	return id
}

// recorder records the status and size of a response.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	wrote  bool
}

func (r *recorder) WriteHeader(status int) {
	if !r.wrote {
		r.status, r.wrote = status, true
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(body []byte) (int, error) {
	r.wrote = true
	n, err := r.ResponseWriter.Write(body)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
