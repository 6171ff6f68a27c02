package httpx

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/logging"
)

type greeting struct {
	Name string `json:"name"`
}

func (g greeting) Validate() error {
	var fields fault.Fields
	fields.Check(g.Name != "", "name", "is required")
	return fields.Err()
}

func testMux() http.Handler {
	mux := &Mux{}
	mux.Handle("POST /greet", func(w http.ResponseWriter, r *http.Request) error {
		var g greeting
		if err := Decode(w, r, &g); err != nil {
			return err
		}
		return JSON(w, http.StatusCreated, g)
	})
	mux.Handle("GET /bug", func(http.ResponseWriter, *http.Request) error { return errors.New("secret detail") })
	mux.Handle("GET /panic", func(http.ResponseWriter, *http.Request) error { panic("oh") })
	mux.Handle("GET /unavailable", func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.Unavailable, "stock is unavailable")
	})
	return Observe(mux.Route, mux)
}

func TestAnswers(t *testing.T) {
	tests := []struct {
		name, method, path, body string
		status                   int
		contains                 string
	}{
		{"ok", "POST", "/greet", `{"name":"Ada"}`, 201, `"Ada"`},
		{"invalid field", "POST", "/greet", `{"name":""}`, 422, `"name":"is required"`},
		{"unknown field", "POST", "/greet", `{"nam":"x"}`, 422, "nam"},
		{"no body", "POST", "/greet", "", 422, "empty"},
		{"two values", "POST", "/greet", `{"name":"x"}{}`, 422, "more than one"},
		{"too large", "POST", "/greet", `{"name":"` + strings.Repeat("x", MaxBody) + `"}`, 413, "exceeds"},
		{"no route", "GET", "/nowhere", "", 404, "route not found"},
		{"wrong method", "DELETE", "/greet", "", 405, "POST"},
		{"a bug hides its detail", "GET", "/bug", "", 500, "Internal Server Error"},
		{"a panic is an answer", "GET", "/panic", "", 500, "Internal Server Error"},
		{"an unavailable dependency", "GET", "/unavailable", "", 503, "stock is unavailable"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			request := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
			request.Header.Set("X-Request-Id", "r-7")
			testMux().ServeHTTP(recorder, request)
			body := recorder.Body.String()
			if recorder.Code != test.status || !strings.Contains(body, test.contains) {
				t.Fatalf("%d %s, want %d with %q", recorder.Code, body, test.status, test.contains)
			}
			if strings.Contains(body, "secret detail") {
				t.Error("the cause leaked to the client")
			}
			if got := recorder.Header().Get("X-Request-Id"); got != "r-7" {
				t.Errorf("request ID %q was not returned", got)
			}
			if test.status < 400 {
				return
			}
			var problem Problem
			if err := json.Unmarshal(recorder.Body.Bytes(), &problem); err != nil {
				t.Fatalf("not a problem: %v", err)
			}
			if problem.Status != test.status || problem.RequestID != "r-7" {
				t.Errorf("problem %+v", problem)
			}
		})
	}
}

func TestRequestIDReplacesUnsafeIDs(t *testing.T) {
	for _, id := range []string{"", "a b", "line\nbreak", strings.Repeat("x", 129), "ünïcode"} {
		request := httptest.NewRequest("GET", "/", nil)
		request.Header[http.CanonicalHeaderKey(logging.RequestIDHeader)] = []string{id}
		if got := requestID(request); got == id || len(got) != 36 {
			t.Errorf("requestID(%q) = %q", id, got)
		}
	}
}

func TestListOf(t *testing.T) {
	rows := []uuid.UUID{{3}, {2}, {1}}
	id := func(u uuid.UUID) uuid.UUID { return u }
	if list := ListOf(Page{Limit: 2}, rows, id); len(list.Items) != 2 || list.NextCursor != rows[1].String() {
		t.Errorf("page with a next one: %+v", list)
	}
	if list := ListOf(Page{Limit: 3}, rows, id); len(list.Items) != 3 || list.NextCursor != "" {
		t.Errorf("last page: %+v", list)
	}
	if list := ListOf(Page{Limit: 2}, nil, id); list.Items == nil {
		t.Error("an empty list must encode as []")
	}
}

func TestPageOf(t *testing.T) {
	for query, wrong := range map[string]bool{"": false, "limit=100": false, "limit=0": true, "limit=101": true, "limit=x": true, "cursor=x": true} {
		_, err := PageOf(httptest.NewRequest("GET", "/?"+query, nil))
		if (err != nil) != wrong {
			t.Errorf("%q: %v", query, err)
		}
	}
}
