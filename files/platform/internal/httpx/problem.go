package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/log"
)

// Problem is the body of every error, application/problem+json (RFC 9457).
type Problem struct {
	Type      string            `json:"type"`
	Title     string            `json:"title"`
	Status    int               `json:"status"`
	Detail    string            `json:"detail,omitempty"`
	Instance  string            `json:"instance,omitempty"`
	RequestID string            `json:"request_id,omitempty"`
	Errors    map[string]string `json:"errors,omitempty"`
}

var statusOf = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Precondition:    http.StatusConflict,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.Timeout:         http.StatusGatewayTimeout,
}

// WriteError answers with the problem that the error's kind stands for. The cause goes to the log only.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has gone: nobody reads an answer
	}
	kind := fault.KindOf(err)
	problem := Problem{Status: statusOf[kind]}
	var own *fault.Error
	if errors.As(err, &own) {
		problem.Detail, problem.Errors = own.Message, own.Fields
	}
	switch {
	case kind == fault.Internal:
		slog.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	case fault.Retryable(err): // not ours to mend, and over by itself
		slog.WarnContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	switch {
	case kind == fault.Unauthenticated:
		w.Header().Set("WWW-Authenticate", `Bearer realm="platform"`)
	case kind == fault.Unavailable:
		w.Header().Set("Retry-After", "1")
		if problem.Detail == "" {
			problem.Detail = "something this needs is away for the moment; /readyz says what"
		}
	}
	writeProblem(w, r, problem)
}

func writeProblem(w http.ResponseWriter, r *http.Request, problem Problem) {
	problem.Type = "about:blank"
	problem.Title = http.StatusText(problem.Status)
	problem.Instance = r.URL.Path
	problem.RequestID = log.RequestID(r.Context())
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("Content-Length")
	w.WriteHeader(problem.Status)
	_ = json.NewEncoder(w).Encode(problem)
}
