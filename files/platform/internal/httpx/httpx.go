// Package httpx is the little that REST needs on top of net/http: handlers that return errors, JSON in and out, cursors,
// and a middleware chain that gives every request an id, a span, a metric and a log line.
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

// Handler is an http.HandlerFunc that may fail. It must not have written anything when it does.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ServeHTTP calls the handler and answers for its error.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h(w, r); err != nil {
		WriteError(w, r, err)
	}
}

// Mux is a ServeMux whose handlers return errors, and whose own answers (404, 405) are problems too.
type Mux struct{ mux http.ServeMux }

// Handle registers a handler for a pattern such as "GET /api/v1/orders/{id}".
func (m *Mux) Handle(pattern string, handler Handler) { m.mux.Handle(pattern, handler) }

// Route returns the pattern that a request will match, or "" for none.
func (m *Mux) Route(r *http.Request) string {
	_, pattern := m.mux.Handler(r)
	return pattern
}

func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.Route(r) == "" {
		w = &refusal{ResponseWriter: w, request: r}
	}
	m.mux.ServeHTTP(w, r)
}

// refusal replaces the plain-text body of ServeMux's own 404 and 405; its headers (Allow) stay.
type refusal struct {
	http.ResponseWriter
	request *http.Request
}

func (r *refusal) WriteHeader(status int) {
	problem := Problem{Status: status, Detail: "there is no such route"}
	if status == http.StatusMethodNotAllowed {
		problem.Detail = "the route allows " + r.Header().Get("Allow")
	}
	writeProblem(r.ResponseWriter, r.request, problem)
}

func (r *refusal) Write(body []byte) (int, error) { return len(body), nil }

// JSON answers with a JSON body.
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
		return fault.New(fault.Invalid, "the body holds more than one JSON value")
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
		return fault.New(fault.Invalid, "the body is empty; JSON is expected")
	}
	return fault.Wrap(fault.Invalid, err, "the body is not the JSON expected: %v", err)
}

// PathID reads a path value that is a UUID. Anything else cannot exist: NotFound.
func PathID(r *http.Request, name string) (uuid.UUID, error) {
	id, err := uuid.Parse(r.PathValue(name))
	if err != nil {
		return id, fault.New(fault.NotFound, "there is no %q", r.PathValue(name))
	}
	return id, nil
}

// Page is what a client asks of a list, newest first: at most Limit items older than the item Cursor. Ids grow with time
// (UUIDv7), so the cursor is an id; on the first page it is the largest there can be.
type Page struct {
	Limit  int
	Cursor uuid.UUID
}

// PageOf reads ?limit= (1 to 100, default 20) and ?cursor= (the next_cursor of the page before).
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

// ListOf makes a list from up to Limit+1 rows: the surplus one says that there is a next page.
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
