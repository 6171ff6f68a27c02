package seed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	requestTimeout = 40 * time.Second // a response may wait for the end of a saga
	pageSize       = 100              // the largest page that the API allows
	attempts       = 6
	firstPause     = 200 * time.Millisecond // doubles with each attempt, unless the response has Retry-After
	longestPause   = 10 * time.Second
)

// RefusedError is a response with a status of 400 or above.
type RefusedError struct {
	Status int
	text   string
}

func (e *RefusedError) Error() string { return e.text }

// Gateway sends requests to the platform through its gateway. It is safe for concurrent use.
type Gateway struct {
	url    string
	client *http.Client
	waits  atomic.Int64
}

// NewGateway returns a client of the gateway at an address like http://host:port.
func NewGateway(address string, concurrency int) (*Gateway, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" || parsed.Host == "" {
		return nil, fmt.Errorf("the address of the gateway is %q; it must be of the form http://host:port", address)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: concurrency}
	return &Gateway{
		url:    strings.TrimRight(address, "/"),
		client: &http.Client{Timeout: requestTimeout, Transport: transport},
	}, nil
}

// request is one request to the API. Unless once is set, it is repeated when the response is lost.
type request struct {
	method, path string
	token        string
	header       map[string]string
	body         any
	once         bool
}

// call sends a request, waits for rate limits, retries what can be retried, and decodes the response into answer.
func (g *Gateway) call(ctx context.Context, req request, answer any) (http.Header, error) {
	place := fmt.Sprintf("%s %s%s", req.method, g.url, req.path)
	for attempt := 1; ; attempt++ {
		status, header, text, err := g.send(ctx, req)
		var dns *net.DNSError
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &dns):
			return nil, fmt.Errorf("no gateway answers at %s (%w). Start the environment: "+
				"ansible-playbook playbooks/dev.yml", g.url, err)
		case err != nil && (req.once || attempt == attempts):
			return nil, fmt.Errorf("%s: %w", place, err)
		case err == nil && (attempt == attempts || !retryable(status, req.once)):
			return header, decode(place, status, text, answer)
		}
		g.waits.Add(1)
		if err := pause(ctx, delay(attempt, header)); err != nil {
			return nil, err
		}
	}
}

// send sends a request once.
func (g *Gateway) send(ctx context.Context, req request) (int, http.Header, []byte, error) {
	var body io.Reader
	if req.body != nil {
		text, err := json.Marshal(req.body)
		if err != nil {
			return 0, nil, nil, err
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, req.method, g.url+req.path, body)
	if err != nil {
		return 0, nil, nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if req.token != "" {
		r.Header.Set("Authorization", "Bearer "+req.token)
	}
	for name, value := range req.header {
		r.Header.Set(name, value)
	}
	resp, err := g.client.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, text, err
}

func retryable(status int, once bool) bool {
	switch status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !once
	}
	return false
}

func delay(attempt int, header http.Header) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds >= 0 {
		return min(time.Duration(seconds)*time.Second, longestPause)
	}
	return min(firstPause<<(attempt-1), longestPause)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func decode(place string, status int, text []byte, answer any) error {
	if status >= http.StatusBadRequest {
		return &RefusedError{status, fmt.Sprintf("%s: HTTP %d: %s", place, status, reason(text))}
	}
	if answer == nil || len(text) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s: HTTP %d: the response is not as expected: %w", place, status, err)
	}
	return nil
}

// reason returns what a problem document (RFC 9457) says: its detail, the invalid fields and the request's id.
func reason(text []byte) string {
	var problem struct {
		Title, Detail string
		Errors        map[string]string
		RequestID     string `json:"request_id"`
	}
	if err := json.Unmarshal(text, &problem); err != nil {
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return string(text[:min(len(text), 300)])
		}
		return "no reason given"
	}
	parts := []string{"no reason given"}
	for _, text := range []string{problem.Title, problem.Detail} {
		if text != "" {
			parts[0] = text
		}
	}
	for _, field := range slices.Sorted(maps.Keys(problem.Errors)) {
		parts = append(parts, field+" "+problem.Errors[field])
	}
	if problem.RequestID != "" {
		parts = append(parts, "request id "+problem.RequestID)
	}
	return strings.Join(parts, "; ")
}

// pages calls do for each item of a list, page by page.
func pages[T any](ctx context.Context, g *Gateway, path, token string, do func(T)) error {
	for cursor := ""; ; {
		var page struct {
			Items      []T
			NextCursor string `json:"next_cursor"`
		}
		query := fmt.Sprintf("%s?limit=%d%s", path, pageSize, cursor)
		if _, err := g.call(ctx, request{method: http.MethodGet, path: query, token: token}, &page); err != nil {
			return err
		}
		for _, item := range page.Items {
			do(item)
		}
		if page.NextCursor == "" {
			return nil
		}
		cursor = "&cursor=" + url.QueryEscape(page.NextCursor)
	}
}
