// Package httpx adds to net/http what a REST API needs: handlers that return errors, JSON requests and responses, cursors,
// and middleware that gives every request an ID, a span, a metric and a log line.
package httpx

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/fault"
)

// MaxBody limits a JSON body, in bytes.
const MaxBody = 1 << 20

// Handler is an http.HandlerFunc that returns an error. It must not write a response in that case.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP calls the handler and responds with its error, if any.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		WriteError(w, r, err)
	}
}

// Mux is a ServeMux whose handlers return errors, and whose own responses (404, 405) are problem details.
type Mux struct{ mux http.ServeMux }

// Handle registers a handler for a pattern such as "GET /api/v1/orders/{id}".
func (m *Mux) Handle(pattern string, handler Handler) { m.mux.Handle(pattern, handler) }

// Route returns the pattern that a request matches, or "" for none.
func (m *Mux) Route(r *http.Request) string {
	_, pattern := m.mux.Handler(r)
	return pattern
}

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.Route(r) == "" {
		w = &problemWriter{ResponseWriter: w, request: r}
	}
	m.mux.ServeHTTP(w, r)
}

// problemWriter replaces the plain text body of ServeMux's own 404 and 405, and keeps its headers (Allow).
type problemWriter struct {
	http.ResponseWriter
	request *http.Request
}

func (r *problemWriter) WriteHeader(status int) {
	problem := Problem{Status: status, Detail: "route not found"}
	if status == http.StatusMethodNotAllowed {
		problem.Detail = "method not allowed; the route allows " + r.Header().Get("Allow")
	}
	writeProblem(r.ResponseWriter, r.request, problem)
}

func (r *problemWriter) Write(body []byte) (int, error) { return len(body), nil }

// JSON responds with a JSON body.
func JSON(w http.ResponseWriter, status int, body any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(encoded, '\n'))
	return nil
}

// Decode reads the JSON body into value and, if it has a Validate method, calls it. The error is meant for the caller.
func Decode(w http.ResponseWriter, r *http.Request, value any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, MaxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(value); err != nil {
		return decodeError(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "the body contains more than one JSON value")
	}
	if v, ok := value.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

func decodeError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return fault.New(fault.TooLarge, "the body exceeds %d bytes", tooLarge.Limit)
	case errors.Is(err, io.EOF):
		return fault.New(fault.Invalid, "the body is empty: expected JSON")
	}
	return fault.Wrap(fault.Invalid, err, "the body is not valid: %v", err)
}

// PathID reads the path value "id", the UUID of a resource such as "order". Anything else than a UUID is NotFound.
func PathID(r *http.Request, resource string) (uuid.UUID, error) {
	text := r.PathValue("id")
	id, err := uuid.Parse(text)
	if err != nil {
		return id, fault.New(fault.NotFound, "%s %q not found", resource, text)
	}
	return id, nil
}

// Page selects a part of a list, newest first: at most Limit items older than the item Cursor. IDs grow with time (UUIDv7),
// so the cursor is an ID; on the first page it is the largest possible one.
type Page struct {
	Limit  int
	Cursor uuid.UUID
}

// PageOf reads ?limit= (1 to 100, default 20) and ?cursor= (the next_cursor of the previous page).
func PageOf(r *http.Request) (Page, error) {
	page := Page{Limit: 20, Cursor: uuid.Max}
	var fields fault.Fields
	if text := r.URL.Query().Get("cursor"); text != "" {
		cursor, err := uuid.Parse(text)
		fields.Check(err == nil, "cursor", "must be the next_cursor of an earlier page")
		page.Cursor = cursor
	}
	if text := r.URL.Query().Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		fields.Check(err == nil && limit >= 1 && limit <= 100, "limit", "must be a number from 1 to 100")
		page.Limit = limit
	}
	return page, fields.Err()
}

// List is the body of every list.
type List[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty"`
}

// ListOf makes a list from up to Limit+1 rows: an extra row means that there is a next page.
func ListOf[T any](page Page, rows []T, id func(T) uuid.UUID) List[T] {
	list := List[T]{Items: rows}
	if len(rows) > page.Limit {
		list.Items = rows[:page.Limit]
		list.NextCursor = id(rows[page.Limit-1]).String()
	}
	if list.Items == nil {
		list.Items = []T{}
	}
	return list
}
