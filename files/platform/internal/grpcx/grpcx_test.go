package grpcx

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	userv1 "cloudlab.example/platform/api/user/v1"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/logging"
)

// fakeUsers is a user service whose response a test decides.
type fakeUsers struct {
	userv1.UnimplementedUserServiceServer
	calls   atomic.Int32
	respond func(ctx context.Context) (*userv1.Contact, error)
}

func (u *fakeUsers) GetContact(ctx context.Context, _ *userv1.GetContactRequest) (*userv1.Contact, error) {
	u.calls.Add(1)
	return u.respond(ctx)
}

func open(ctx context.Context, header string) (context.Context, error) {
	if header == "Bearer bad" {
		return ctx, fault.New(fault.Unauthenticated, "bad token")
	}
	return ctx, nil
}

type token string

func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(t)}, nil
}
func (token) RequireTransportSecurity() bool { return false }

// serveOn starts a server on an in-memory listener and returns a client of it.
func serveOn(t *testing.T, service *fakeUsers, credential token, started func() error) userv1.UserServiceClient {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	server := NewServer(open, started)
	userv1.RegisterUserServiceServer(server, service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := Dial("user", "127.0.0.1:1", credential,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return userv1.NewUserServiceClient(conn)
}

func alwaysStarted() error { return nil }

func TestCallPropagatesRequest(t *testing.T) {
	service := &fakeUsers{respond: func(ctx context.Context) (*userv1.Contact, error) {
		if _, ok := ctx.Deadline(); !ok {
			return nil, errors.New("no deadline")
		}
		return &userv1.Contact{Name: logging.RequestID(ctx)}, nil
	}}
	client := serveOn(t, service, "good", alwaysStarted)
	contact, err := client.GetContact(logging.WithRequestID(t.Context(), "r-9"), &userv1.GetContactRequest{})
	if err != nil || contact.GetName() != "r-9" {
		t.Fatalf("%v, %v", contact, err)
	}
}

func TestErrorsKeepKind(t *testing.T) {
	tests := []struct {
		name    string
		err     error
		want    fault.Kind
		message string
	}{
		{"own", fault.New(fault.NotFound, "no user 7"), fault.NotFound, "user: no user 7"},
		{"a bug hides its detail", errors.New("secret"), fault.Internal, "user: internal error"},
		{"status", status.Error(codes.FailedPrecondition, "late"), fault.Precondition, "user: late"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			service := &fakeUsers{respond: func(context.Context) (*userv1.Contact, error) { return nil, test.err }}
			_, err := serveOn(t, service, "good", alwaysStarted).GetContact(t.Context(), &userv1.GetContactRequest{})
			if fault.KindOf(err) != test.want || err.Error() != test.message {
				t.Errorf("%d %q, want %d %q", fault.KindOf(err), err, test.want, test.message)
			}
		})
	}
}

func TestUnavailableIsRetried(t *testing.T) {
	service := &fakeUsers{}
	service.respond = func(context.Context) (*userv1.Contact, error) {
		if service.calls.Load() < 3 {
			return nil, fault.New(fault.Unavailable, "starting")
		}
		return &userv1.Contact{}, nil
	}
	if _, err := serveOn(t, service, "good", alwaysStarted).GetContact(t.Context(), &userv1.GetContactRequest{}); err != nil {
		t.Fatalf("after %d calls: %v", service.calls.Load(), err)
	}
}

func TestServerGuards(t *testing.T) {
	service := &fakeUsers{respond: func(context.Context) (*userv1.Contact, error) { panic("oh") }}
	_, err := serveOn(t, service, "good", alwaysStarted).GetContact(t.Context(), &userv1.GetContactRequest{})
	if fault.KindOf(err) != fault.Internal {
		t.Errorf("panic: %v", err)
	}
	_, err = serveOn(t, service, "bad", alwaysStarted).GetContact(t.Context(), &userv1.GetContactRequest{})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("bad token: %v", err)
	}
	starting := func() error { return fault.New(fault.Unavailable, "migrations are running") }
	_, err = serveOn(t, service, "good", starting).GetContact(t.Context(), &userv1.GetContactRequest{})
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("not started: %v", err)
	}
}

func TestBreaker(t *testing.T) {
	now := time.Now()
	b := newBreaker("user")
	b.now = func() time.Time { return now }
	unavailable := func() error { return fault.New(fault.Unavailable, "unavailable") }
	fine := func() error { return nil }
	for range breakerFailures {
		_ = b.do(unavailable)
	}
	called := false
	err := b.do(func() error { called = true; return nil })
	if called || fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("open breaker: called %v, %v", called, err)
	}
	now = now.Add(breakerPause)
	if b.do(unavailable); b.allow() {
		t.Fatal("the breaker is not open after a failed probe")
	}
	now = now.Add(breakerPause)
	if err := b.do(fine); err != nil {
		t.Fatalf("probe: %v", err)
	}
	for range breakerFailures - 1 {
		_ = b.do(unavailable)
	}
	if err := b.do(func() error { return fault.New(fault.NotFound, "none") }); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("below the limit: %v", err)
	}
	if err := b.do(fine); err != nil {
		t.Fatalf("a rejection does not reset the count: %v", err)
	}
}

// clientConn collects the states that a resolver reports.
type clientConn struct {
	resolver.ClientConn
	mu     sync.Mutex
	states [][]string
	errors int
}

func (c *clientConn) UpdateState(state resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var addresses []string
	for _, endpoint := range state.Endpoints {
		addresses = append(addresses, endpoint.Addresses[0].Addr)
	}
	c.states = append(c.states, addresses)
	return nil
}

func (c *clientConn) ReportError(error) { c.errors++ }

func TestResolverFindsNewReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := 0
		builder := resolverBuilder{lookup: func(context.Context, string) ([]string, error) {
			looks++
			switch {
			case looks < 3:
				return nil, errors.New("no such host")
			case looks < 5:
				return []string{"10.0.0.1"}, nil
			}
			return []string{"10.0.0.2", "10.0.0.1"}, nil
		}}
		conn := &clientConn{}
		target := resolver.Target{}
		target.URL.Path = "/inventory:9090"
		r, err := builder.Build(target, conn, resolver.BuildOptions{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*lookupRetry + 3*lookupInterval)
		synctest.Wait()
		r.Close()
		if conn.errors != 2 || len(conn.states) != 2 {
			t.Fatalf("%d errors, states %v", conn.errors, conn.states)
		}
		if got := conn.states[1]; len(got) != 2 || got[0] != "10.0.0.1:9090" || got[1] != "10.0.0.2:9090" {
			t.Errorf("replicas %v", got)
		}
	})
}

// TestLoadBalancing checks the load balancing of the service config that Dial uses.
func TestLoadBalancing(t *testing.T) {
	var replicas [2]fakeUsers
	builder := manual.NewBuilderWithScheme("two")
	var endpoints []resolver.Endpoint
	for i := range replicas {
		replicas[i].respond = func(context.Context) (*userv1.Contact, error) { return &userv1.Contact{}, nil }
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		server := NewServer(open, alwaysStarted)
		userv1.RegisterUserServiceServer(server, &replicas[i])
		go func() { _ = server.Serve(listener) }()
		t.Cleanup(server.Stop)
		endpoints = append(endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: listener.Addr().String()}}})
	}
	builder.InitialState(resolver.State{Endpoints: endpoints})
	conn, err := grpc.NewClient("two:///x", grpc.WithResolvers(builder), grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := userv1.NewUserServiceClient(conn)
	deadline := time.Now().Add(5 * time.Second)
	for replicas[0].calls.Load() == 0 || replicas[1].calls.Load() == 0 {
		if time.Now().After(deadline) {
			t.Fatalf("calls %d and %d", replicas[0].calls.Load(), replicas[1].calls.Load())
		}
		if _, err := client.GetContact(t.Context(), &userv1.GetContactRequest{}); err != nil {
			t.Fatal(err)
		}
	}
}
