package seed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// response is what a gateway sends; without a status, the connection breaks.
type response struct {
	status     int
	retryAfter string
}

// script sends responses in turn, the last one again and again, and records the requests.
type script struct {
	responses []response
	requests  []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	s.requests = append(s.requests, fmt.Sprintf("%s %s %s %s %s", r.Method, r.URL,
		r.Header.Get("Authorization"), r.Header.Get("Idempotency-Key"), body))
	next := s.responses[min(len(s.requests), len(s.responses))-1]
	if next.status == 0 {
		panic(http.ErrAbortHandler)
	}
	if next.retryAfter != "" {
		w.Header().Set("Retry-After", next.retryAfter)
	}
	w.WriteHeader(next.status)
	if next.status >= http.StatusBadRequest {
		fmt.Fprint(w, `{"detail": "busy"}`)
	} else {
		fmt.Fprint(w, `{"state": "done"}`)
	}
}

func TestCallRetriesWhatCanBeRetried(t *testing.T) {
	ok := response{status: http.StatusOK}
	for _, test := range []struct {
		name      string
		responses []response
		once      bool
		attempts  int
		waited    time.Duration
		err       string
	}{
		{"success", []response{ok}, false, 1, 0, ""},
		{"429", []response{{429, ""}, {429, ""}, ok}, false, 3, 600 * time.Millisecond, ""},
		{"502", []response{{502, ""}, {502, ""}, ok}, false, 3, 600 * time.Millisecond, ""},
		{"503", []response{{503, ""}, {503, ""}, ok}, false, 3, 600 * time.Millisecond, ""},
		{"504", []response{{504, ""}, {504, ""}, ok}, false, 3, 600 * time.Millisecond, ""},
		{"lost", []response{{}, {}, ok}, false, 3, 600 * time.Millisecond, ""},
		{"Retry-After", []response{{429, "3"}, {503, "2"}, ok}, false, 3, 5 * time.Second, ""},
		{"Retry-After without a wait", []response{{429, "0"}, ok}, false, 2, 0, ""},
		{"long Retry-After", []response{{429, "3600"}, ok}, false, 2, longestPause, ""},
		{"Retry-After with a date", []response{{429, "Mon, 30 Nov 2026 09:00:00 GMT"}, ok}, false, 2, firstPause, ""},
		{"negative Retry-After", []response{{429, "-5"}, ok}, false, 2, firstPause, ""},
		{"always 503", []response{{503, ""}}, false, attempts, 6200 * time.Millisecond, "HTTP 503: busy"},
		{"always lost", []response{{}}, false, attempts, 6200 * time.Millisecond, "unexpected EOF"},
		{"400", []response{{400, ""}, ok}, false, 1, 0, "HTTP 400: busy"},
		{"500", []response{{500, ""}, ok}, false, 1, 0, "HTTP 500: busy"},
		{"once, 429", []response{{429, "1"}, ok}, true, 2, time.Second, ""},
		{"once, 503", []response{{503, "1"}, ok}, true, 1, 0, "HTTP 503: busy"},
		{"once, lost", []response{{}, ok}, true, 1, 0, "unexpected EOF"},
		{"once, lost after a wait", []response{{429, "1"}, {}, ok}, true, 2, time.Second, "unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &script{responses: test.responses}
				gateway := gatewayTo(t, server)
				var answer struct{ State string }
				begun := time.Now()
				_, err := gateway.call(t.Context(), request{
					method: http.MethodPost, path: "/api/v1/orders", token: "secret", once: test.once,
					header: map[string]string{"Idempotency-Key": "k-1"}, body: map[string]int{"n": 1},
				}, &answer)
				if waited := time.Since(begun); waited != test.waited {
					t.Errorf("waited %s, want %s", waited, test.waited)
				}
				if got := gateway.waits.Load(); got != int64(test.attempts-1) {
					t.Errorf("counted %d waits, want %d", got, test.attempts-1)
				}
				want := `POST http://gateway.example:8080/api/v1/orders Bearer secret k-1 {"n":1}`
				for _, got := range server.requests {
					if got != want {
						t.Errorf("sent %s, want %s", got, want)
					}
				}
				if len(server.requests) != test.attempts {
					t.Errorf("sent %d requests, want %d", len(server.requests), test.attempts)
				}
				checkError(t, err, test.err)
				if test.err == "" && answer.State != "done" {
					t.Errorf("decoded %+v", answer)
				}
				if err != nil && !strings.HasPrefix(err.Error(), "POST http://gateway.example:8080/api/v1/orders: ") {
					t.Errorf("%q does not begin with the request", err)
				}
			})
		})
	}
}

// checkError fails unless err contains a text, or is nil if the text is empty.
func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("got the error %q, want none", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got the error %v, want %q", err, want)
	}
}

func TestCallEndsWhenItIsCancelled(t *testing.T) {
	for name, handler := range map[string]http.Handler{
		"while it waits":          &script{responses: []response{{429, "10"}}},
		"while a request is sent": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				begun := time.Now()
				_, err := gatewayTo(t, handler).call(ctx, request{method: http.MethodGet, path: "/"}, nil)
				if waited := time.Since(begun); !errors.Is(err, context.Canceled) || waited != time.Second {
					t.Errorf("got %v after %s, want %v after 1s", err, waited, context.Canceled)
				}
			})
		})
	}
}

func TestCallDoesNotWaitForeverForAResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := gatewayTo(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
		begun := time.Now()
		_, err := gateway.call(t.Context(), request{method: http.MethodPost, path: "/slow", once: true}, nil)
		checkError(t, err, "POST http://gateway.example:8080/slow: ")
		if waited := time.Since(begun); waited != requestTimeout {
			t.Errorf("waited %s, want %s", waited, requestTimeout)
		}
	})
}

func TestCallNamesTheReasonOfARefusal(t *testing.T) {
	for _, test := range []struct{ name, body, want string }{
		{"detail", `{"title": "Conflict", "detail": "the slug is taken"}`, "the slug is taken"},
		{"title", `{"title": "Conflict"}`, "Conflict"},
		{
			"fields", `{"detail": "invalid", "errors": {"sku": "is required", "price": "is negative"}}`,
			"invalid; price is negative; sku is required",
		},
		{"request id", `{"detail": "broken", "request_id": "r-1"}`, "broken; request id r-1"},
		{"empty document", `{}`, "no reason given"},
		{"empty body", "\n", "no reason given"},
		{"no JSON", " upstream connect error\n", "upstream connect error"},
		{"long text", strings.Repeat("x", 999), strings.Repeat("x", 300)},
	} {
		t.Run(test.name, func(t *testing.T) {
			gateway := gatewayTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusConflict)
				fmt.Fprint(w, test.body)
			}))
			_, err := gateway.call(t.Context(), request{method: http.MethodPut, path: "/a"}, nil)
			want := "PUT http://gateway.example:8080/a: HTTP 409: " + test.want
			var refused *RefusedError
			if !errors.As(err, &refused) || refused.Status != http.StatusConflict || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestCallRejectsAnUnexpectedResponse(t *testing.T) {
	gateway := gatewayTo(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }))
	var answer struct{}
	_, err := gateway.call(t.Context(), request{method: http.MethodGet, path: "/a"}, &answer)
	checkError(t, err, "GET http://gateway.example:8080/a: HTTP 200: the response is not as expected")
}

func TestCallSaysThatNoGatewayAnswers(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	listener.Close()
	closed, err := NewGateway(address, 1)
	if err != nil {
		t.Fatal(err)
	}
	unknown := gatewayTo(t, nil)
	unknown.client.Transport = failing{&net.DNSError{Err: "no such host", Name: "gateway.example", IsNotFound: true}}
	for want, gateway := range map[string]*Gateway{
		"no gateway answers at " + address + " (":                closed,
		"no gateway answers at http://gateway.example:8080 (Get": unknown,
	} {
		_, err := gateway.call(t.Context(), request{method: http.MethodGet, path: "/"}, nil)
		checkError(t, err, want)
		checkError(t, err, "Start the environment: ansible-playbook playbooks/dev.yml")
		if waits := gateway.waits.Load(); waits != 0 {
			t.Errorf("waited %d times", waits)
		}
	}
}

// failing is a transport that cannot send anything.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestNewGatewayChecksTheAddress(t *testing.T) {
	for _, address := range []string{
		"", "127.0.0.1:8080", "gateway", "https://gateway:8080", "http://", "http://[::1", "http:gateway",
	} {
		_, err := NewGateway(address, 1)
		checkError(t, err, fmt.Sprintf("the address of the gateway is %q; it must be of the form http://host:port", address))
	}
	for _, address := range []string{"http://gateway:8080", "http://gateway:8080/", "http://[::1]:8080"} {
		gateway, err := NewGateway(address, 1)
		checkError(t, err, "")
		if err == nil && gateway.url != strings.TrimSuffix(address, "/") {
			t.Errorf("%s is used for %s", gateway.url, address)
		}
	}
}

func TestPagesReadsAListToItsEnd(t *testing.T) {
	responses := map[string]string{
		"":         `{"items": [1, 2], "next_cursor": "a b&c=d"}`,
		"a b&c=d":  `{"items": [], "next_cursor": "empty"}`,
		"empty":    `{"items": [3]}`,
		"not read": "",
	}
	gateway := gatewayTo(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if limit := r.FormValue("limit"); limit != "100" || r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("limit %s, header %v", limit, r.Header)
		}
		fmt.Fprint(w, responses[r.FormValue("cursor")])
	}))
	var got []int
	err := pages(t.Context(), gateway, "/api/v1/numbers", "secret", func(n int) { got = append(got, n) })
	if want := []int{1, 2, 3}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v and %v, want %v", got, err, want)
	}
	responses["empty"] = "]"
	err = pages(t.Context(), gateway, "/api/v1/numbers", "secret", func(int) {})
	checkError(t, err, "the response is not as expected")
}
