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
	Checks  map[string]string `json:"checks"` // "ok", or what is wrong
}

// healthStatus serves the same answer over REST and gRPC.
type healthStatus struct {
	*health.Server // Watch and List; follows what Check found last
	service        string
	begin          time.Time

	mu       sync.Mutex
	checks   []check
	stopping bool
}

func newHealth(service string) *healthStatus {
	h := &healthStatus{Server: health.NewServer(), service: service, begin: time.Now()}
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

// live says that the process runs and can answer; it asks no dependency.
func (h *healthStatus) live(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"service": h.service, "status": "ok",
		"uptime_seconds": int(time.Since(h.begin).Seconds()),
	})
}

func (h *healthStatus) ready(w http.ResponseWriter, r *http.Request) {
	report := h.examine(r.Context())
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
	if h.examine(ctx).Status == "unready" {
		status = grpc_health_v1.HealthCheckResponse_NOT_SERVING
	}
	h.SetServingStatus("", status)
	return &grpc_health_v1.HealthCheckResponse{Status: status}, nil
}

// examine runs all checks at once.
func (h *healthStatus) examine(ctx context.Context) report {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	h.mu.Lock()
	checks, stopping := h.checks, h.stopping
	h.mu.Unlock()

	results := make([]error, len(checks))
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() { results[i] = c.run(ctx) })
	}
	running.Wait()

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
