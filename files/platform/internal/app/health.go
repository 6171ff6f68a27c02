package app

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

const checkTimeout = 2 * time.Second

type check struct {
	name     string
	required bool
	run      func(context.Context) error
}

// report is the body of /readyz.
type report struct {
	Service string            `json:"service"`
	Status  string            `json:"status"` // ready, degraded or unready
	Checks  map[string]string `json:"checks"` // "ok" or an error message
}

// healthStatus serves the same status over REST and gRPC.
type healthStatus struct {
	*health.Server // implements Watch and List with the last result of Check
	service        string
	start          time.Time

	mu       sync.Mutex
	checks   []check
	stopping bool
}

func newHealth(service string) *healthStatus {
	h := &healthStatus{Server: health.NewServer(), service: service, start: time.Now()}
	h.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	return h
}

func (h *healthStatus) add(name string, required bool, run func(context.Context) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks = append(h.checks, check{name, required, run})
}

func (h *healthStatus) stop() {
	h.mu.Lock()
	h.stopping = true
	h.mu.Unlock()
	h.Shutdown()
}

// live reports that the process responds; it checks no dependency.
func (h *healthStatus) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"service": h.service, "status": "ok",
		"uptime_seconds": int(time.Since(h.start).Seconds()),
	})
}

func (h *healthStatus) ready(w http.ResponseWriter, r *http.Request) {
	report := h.runChecks(r.Context())
	status := http.StatusOK
	if report.Status == "unready" {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, report)
}

// Check implements gRPC's health service.
func (h *healthStatus) Check(ctx context.Context, request *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	if request.GetService() != "" {
		return h.Server.Check(ctx, request)
	}
	status := grpc_health_v1.HealthCheckResponse_SERVING
	if h.runChecks(ctx).Status == "unready" {
		status = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	h.SetServingStatus("", status)
	return &grpc_health_v1.HealthCheckResponse{Status: status}, nil
}

// runChecks runs all checks in parallel.
func (h *healthStatus) runChecks(ctx context.Context) report {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	h.mu.Lock()
	checks, stopping := h.checks, h.stopping
	h.mu.Unlock()

	results := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { results[i] = c.run(ctx) })
	}
	wg.Wait()

	found := report{Service: h.service, Status: "ready", Checks: make(map[string]string, len(checks))}
	for i, c := range checks {
		found.Checks[c.name] = "ok"
		if results[i] == nil {
			continue
		}
		found.Checks[c.name] = results[i].Error()
		if c.required {
			found.Status = "unready"
		} else if found.Status == "ready" {
			found.Status = "degraded"
		}
	}
	if stopping {
		found.Status = "unready"
		found.Checks["process"] = "stopping"
	}
	return found
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
