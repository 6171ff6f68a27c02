package app

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

func testApp() *App {
	a := newApp("test", config.Common{HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0", ShutdownTimeout: 2 * time.Second})
	a.Verify(auth.NewRemoteKeys("http://127.0.0.1:1"), config.Tokens{})
	a.API.Handle("GET /api/v1/hello", func(w http.ResponseWriter, _ *http.Request) error {
		return httpx.JSON(w, http.StatusOK, "hello")
	})
	return a
}

func get(t *testing.T, handler http.Handler, path string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
	return recorder.Code, recorder.Body.String()
}

func TestReadiness(t *testing.T) {
	unavailable := func(context.Context) error { return errors.New("connection refused") }
	fine := func(context.Context) error { return nil }
	tests := []struct {
		name        string
		needs, uses func(context.Context) error
		code        int
		status      string
		says        string
	}{
		{"all there", fine, fine, 200, "ready", ""},
		{"what it uses is unavailable", fine, unavailable, 200, "degraded", `"kafka":"connection refused"`},
		{"what it needs is unavailable", unavailable, fine, 503, "unready", `"postgres":"connection refused"`},
		{"all unavailable", unavailable, unavailable, 503, "unready", `"kafka":"connection refused"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := testApp()
			a.RequireCheck("postgres", test.needs)
			a.DegradeCheck("kafka", test.uses)
			code, body := get(t, a.handler(), "/readyz")
			var got report
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatal(err)
			}
			if code != test.code || got.Status != test.status || !strings.Contains(body, test.says) {
				t.Errorf("%d %s", code, body)
			}
			if code, _ := get(t, a.handler(), "/livez"); code != http.StatusOK {
				t.Errorf("/livez: status %d although it must not check dependencies", code)
			}
		})
	}
}

func TestMetricsCountRoutes(t *testing.T) {
	a := testApp()
	get(t, a.handler(), "/api/v1/hello")
	if code, body := get(t, a.handler(), "/metrics"); code != 200 || !strings.Contains(body, `route="GET /api/v1/hello"`) {
		t.Errorf("%d %.200s", code, body)
	}
}

func TestProfilesAreServed(t *testing.T) {
	if code, body := get(t, testApp().handler(), "/debug/pprof/goroutine?debug=1"); code != 200 || !strings.HasPrefix(body, "goroutine profile:") {
		t.Errorf("%d %.200s", code, body)
	}
}

// TestStartWithoutDependency covers a service from a start without its store to its shutdown.
func TestStartWithoutDependency(t *testing.T) {
	a := testApp()
	var storeThere, worked atomic.Bool
	a.Init("migrations", func(context.Context) error {
		if !storeThere.Load() {
			return errors.New("store unavailable")
		}
		return nil
	})
	a.Go("worker", func(ctx context.Context) error { worked.Store(true); <-ctx.Done(); return nil })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.serve(ctx) }()

	handler := a.handler()
	eventually(t, "the reason is told", func() bool {
		code, body := get(t, handler, "/api/v1/hello")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "migrations failed")
	})
	if worked.Load() {
		t.Error("a worker runs before the start tasks have succeeded")
	}
	storeThere.Store(true)
	eventually(t, "the API answers", func() bool { code, _ := get(t, handler, "/api/v1/hello"); return code == http.StatusOK })
	eventually(t, "the worker runs", worked.Load)

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("Run: %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("Run does not return")
	}
	if code, body := get(t, handler, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "stopping") {
		t.Errorf("after shutdown: %d %s", code, body)
	}
}

func TestGRPCHealthFollowsReadiness(t *testing.T) {
	a := testApp()
	var healthy atomic.Bool
	a.RequireCheck("postgres", func(context.Context) error {
		if !healthy.Load() {
			return errors.New("unavailable")
		}
		return nil
	})
	_, listener, err := listen(a.cfg)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = a.GRPC.Serve(listener) }()
	defer a.GRPC.Stop()
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, want := range []grpc_health_v1.HealthCheckResponse_ServingStatus{
		grpc_health_v1.HealthCheckResponse_NOT_SERVING, grpc_health_v1.HealthCheckResponse_SERVING,
	} {
		answer, err := grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil || answer.GetStatus() != want {
			t.Errorf("%v, %v, want %v", answer, err, want)
		}
		healthy.Store(true)
	}
}

func TestFailedWorkersAreRestarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		starts := 0
		go keepRunning(ctx, task{"worker", func(context.Context) error {
			if starts++; starts == 2 {
				panic("bug")
			}
			return fault.New(fault.Unavailable, "unavailable")
		}})
		time.Sleep(3 * time.Second)
		stop()
		synctest.Wait()
		if starts < 4 || starts > 8 {
			t.Errorf("%d starts in three seconds", starts)
		}
	})
}

func TestPortInUse(t *testing.T) {
	first, other, err := listen(config.Common{HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	defer other.Close()
	_, _, err = listen(config.Common{HTTPAddr: "127.0.0.1:0", GRPCAddr: other.Addr().String()})
	if err == nil || !strings.Contains(err.Error(), "GRPC_ADDR") {
		t.Errorf("error %v", err)
	}
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("timed out after 10 s: %s", what)
}
