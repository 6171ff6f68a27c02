package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/logging"
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

// WriteError responds with problem details for the error. The cause is only logged.
func WriteError(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // the client has disconnected
	}
	kind := fault.KindOf(err)
	problem := Problem{Status: statusOf[kind]}
	var faultErr *fault.Error
	if errors.As(err, &faultErr) {
		problem.Detail, problem.Errors = faultErr.Message, faultErr.Fields
	}
	switch {
	case kind == fault.Internal:
		slog.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	case fault.Retryable(err): // a temporary failure of a dependency
		slog.WarnContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	switch {
	case kind == fault.Unauthenticated:
		w.Header().Set("WWW-Authenticate", `Bearer realm="platform"`)
	case kind == fault.Unavailable:
		w.Header().Set("Retry-After", "1")
		if problem.Detail == "" {
			problem.Detail = "a dependency is unavailable; /readyz names it"
		}
	}
	writeProblem(w, r, problem)
}

func writeProblem(w http.ResponseWriter, r *http.Request, problem Problem) {
	problem.Type = "about:blank"
	problem.Title = http.StatusText(problem.Status)
	problem.Instance = r.URL.Path
	problem.RequestID = logging.RequestID(r.Context())
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("Content-Length")
	w.WriteHeader(problem.Status)
	_ = json.NewEncoder(w).Encode(problem)
}
