package health

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudlab.example/reload/internal/supervise"
)

func check(t *testing.T, address, state string) string {
	t.Helper()
	if err := Check(t.Context(), address, state); err != nil {
		return err.Error()
	}
	return ""
}

func stateFile(t *testing.T, state supervise.State) string {
	t.Helper()
	content, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/ready":
			answer.WriteHeader(http.StatusNoContent)
		case "/moved":
			http.Redirect(answer, request, "/nowhere", http.StatusFound)
		default:
			http.Error(answer, "no\n database", http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	for path, expected := range map[string]string{
		"/ready": "", "/moved": "", "/x": server.URL + "/x answers 503 Service Unavailable no database",
	} {
		if found := check(t, server.URL+path, "none"); found != expected {
			t.Errorf("%s: %q", path, found)
		}
	}
}

// grpcServer starts a server that answers gRPC health checks, and returns its address.
func grpcServer(t *testing.T, answer func(service string) (status byte, code string)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path != "/grpc.health.v1.Health/Check" || request.Header.Get("Te") != "trailers" {
			writer.WriteHeader(http.StatusNotFound)
			return
		}
		body := make([]byte, 64)
		length, _ := request.Body.Read(body)
		service := ""
		if length > 7 {
			service = string(body[7:length])
		}
		status, code := answer(service)
		writer.Header().Set("Content-Type", "application/grpc")
		if code != "0" {
			writer.Header().Set("Grpc-Status", code)
			writer.Header().Set("Grpc-Message", "unknown service")
			return
		}
		writer.Header().Set("Trailer", "Grpc-Status")
		_, _ = writer.Write([]byte{0, 0, 0, 0, 2, 8, status})
		writer.Header().Set("Grpc-Status", "0")
	}))
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols = &protocols
	server.Start()
	t.Cleanup(server.Close)
	return "grpc://" + server.Listener.Addr().String()
}

func TestGRPC(t *testing.T) {
	address := grpcServer(t, func(service string) (byte, string) {
		switch service {
		case "":
			return 1, "0"
		case "shop.Order":
			return 2, "0"
		}
		return 0, "5"
	})
	for path, expected := range map[string]string{
		"": "", "/shop.Order": "/shop.Order answers NOT_SERVING", "/x": "/x answers gRPC status 5 unknown service",
	} {
		found := check(t, address+path, "none")
		if (expected == "") != (found == "") || !strings.HasSuffix(found, expected) {
			t.Errorf("%q: %q", path, found)
		}
	}
}

func TestGRPCWithHTTPServer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if check(t, strings.Replace(server.URL, "http", "grpc", 1), "none") == "" {
		t.Error("no error")
	}
}

func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "tcp://" + listener.Addr().String()
	if found := check(t, address, "none"); found != "" {
		t.Error(found)
	}
	listener.Close()
	if found := check(t, address, "none"); !strings.Contains(found, "connection refused") {
		t.Errorf("%q", found)
	}
}

func TestFailureIncludesSupervisorState(t *testing.T) {
	closed := "tcp://127.0.0.1:1"
	for expected, state := range map[string]supervise.State{
		"crashed 3 times, last: exit status 2":    {State: supervise.Crashed, Crashes: 3, LastExit: "exit status 2"},
		"build failed: main.go:3:1: undefined: x": {State: supervise.Waiting, BuildError: "main.go:3:1: undefined: x"},
		"waiting for the first build":             {State: supervise.Waiting},
	} {
		for _, address := range []string{closed, "process:"} {
			if found := check(t, address, stateFile(t, state)); found != expected {
				t.Errorf("%s: got %q, want %q", address, found, expected)
			}
		}
	}
	running := stateFile(t, supervise.State{State: supervise.Running, Crashes: 2, LastExit: "exit status 1"})
	if found := check(t, closed, running); !strings.HasPrefix(found, "crashed 2 times, last: exit status 1; now: dial tcp") {
		t.Errorf("%q", found)
	}
}

func TestProcessMustRunForSomeTime(t *testing.T) {
	ago := func(seconds int) time.Time { return time.Now().Add(-time.Duration(seconds) * time.Second) }
	for expected, state := range map[string]supervise.State{
		"":                {State: supervise.Running, Since: ago(5)},
		"running for":     {State: supervise.Running, Since: ago(0)},
		"crashed 2 times": {State: supervise.Running, Since: ago(5), Crashes: 2},
	} {
		found := check(t, "process:", stateFile(t, state))
		if (expected == "") != (found == "") || !strings.HasPrefix(found, expected) {
			t.Errorf("got %q, want %q", found, expected)
		}
	}
	if found := check(t, "process:", stateFile(t, supervise.State{State: supervise.Running, Since: ago(60), Crashes: 9})); found != "" {
		t.Error(found)
	}
}

func TestContainerWithoutSupervisor(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	if found := check(t, "container:", none); found != "" {
		t.Error(found)
	}
	if found := check(t, "process:", none); !strings.Contains(found, "has no supervisor") {
		t.Errorf("%q", found)
	}
}

func TestUnknownScheme(t *testing.T) {
	if found := check(t, "redis://x", "none"); !strings.Contains(found, `unknown scheme "redis"`) {
		t.Errorf("%q", found)
	}
}
