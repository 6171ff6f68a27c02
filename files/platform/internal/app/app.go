// Package app runs a service: it serves REST, gRPC, health and metrics immediately, initializes the service in the
// background with retries, and shuts down gracefully within a time limit.
//
// An unavailable dependency is never fatal. Until every Init task has succeeded, API calls return 503 with the reason, and
// /readyz names the failed checks.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/grpcx"
	"cloudlab.example/platform/internal/httpx"
	"cloudlab.example/platform/internal/logging"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/tracing"
)

// closeTimeout limits flushing and closing clients after the last request.
const closeTimeout = 2 * time.Second

// App is a service being set up: its setup function adds routes, gRPC services, checks and workers.
type App struct {
	Name string
	API  *httpx.Mux   // routes of the REST API
	GRPC *grpc.Server // register services here

	cfg      config.Common
	verifier *auth.Verifier
	health   *healthStatus
	inits    []task
	workers  []task
	closers  []func(context.Context) error
	started  startState
}

type task struct {
	name string
	run  func(context.Context) error
}

// Run serves until the context ends. setup must not use dependencies; use Init and Go for that.
func Run(ctx context.Context, name string, cfg config.Common, setup func(*App) error) error {
	logging.Setup(os.Stdout, name, cfg.LogLevel)
	flush, err := tracing.Setup(ctx, name)
	if err != nil {
		return err
	}
	a := newApp(name, cfg)
	a.OnClose(flush)
	if err := setup(a); err != nil {
		a.close()
		return err
	}
	return a.serve(ctx)
}

func newApp(name string, cfg config.Common) *App {
	a := &App{Name: name, API: &httpx.Mux{}, cfg: cfg, health: newHealth(name)}
	a.GRPC = grpcx.NewServer(func(ctx context.Context, header string) (context.Context, error) {
		return a.verifier.VerifyHeader(ctx, header)
	}, a.started.err)
	grpc_health_v1.RegisterHealthServer(a.GRPC, a.health)
	reflection.Register(a.GRPC)
	return a
}

// Verify makes the service accept tokens signed by these keys. Every service calls Verify or VerifyRemote.
func (a *App) Verify(keys auth.KeySource, tokens config.Tokens) {
	a.verifier = auth.NewVerifier(keys, tokens.Issuer, tokens.Audience)
}

// VerifyRemote makes the service accept tokens of the auth service, and fetches their keys.
func (a *App) VerifyRemote(tokens config.Tokens) {
	keys := auth.NewRemoteKeys(tokens.JWKSURL)
	a.Verify(keys, tokens)
	a.RequireCheck("auth-keys", keys.Ready)
	a.Go("auth-keys", keys.Run)
}

// Dial returns a client connection to another service. While it is broken, this service is degraded.
func (a *App) Dial(target, address string, client config.Client) (*grpc.ClientConn, error) {
	conn, err := grpcx.Dial(target, address, auth.NewTokenSource(client))
	if err != nil {
		return nil, err
	}
	a.DegradeCheck(target, grpcx.Ready(conn))
	a.OnClose(func(context.Context) error { return conn.Close() })
	return conn, nil
}

// RequireCheck adds a check that makes the service unready (503) if it fails.
func (a *App) RequireCheck(name string, check func(context.Context) error) {
	a.health.add(name, true, check)
}

// DegradeCheck adds a check that makes the service degraded if it fails.
func (a *App) DegradeCheck(name string, check func(context.Context) error) {
	a.health.add(name, false, check)
}

// Init adds a task that is retried until it succeeds. Tasks run one after the other; the API and the workers start after the
// last one. The name says what the task does, for example "running migrations".
func (a *App) Init(name string, run func(context.Context) error) {
	a.inits = append(a.inits, task{name, run})
}

// Go adds a worker that runs until the context ends. A worker that fails is logged and restarted.
func (a *App) Go(name string, run func(context.Context) error) {
	a.workers = append(a.workers, task{name, run})
}

// OnClose adds a function that is called at shutdown, in reverse order.
func (a *App) OnClose(closer func(context.Context) error) { a.closers = append(a.closers, closer) }

// serve owns all goroutines. Shutdown order: become unready, finish requests, stop workers, close clients.
func (a *App) serve(ctx context.Context) error {
	defer a.close()
	httpListener, grpcListener, err := listen(a.cfg)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	a.health.add("start", true, func(context.Context) error { return a.started.err() })
	a.started.set(fault.New(fault.Unavailable, "%s is starting", a.Name))
	workerCtx, stopWorkers := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorkers()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return ignoreClosed(server.Serve(httpListener)) })
	group.Go(func() error { return ignoreClosed(a.GRPC.Serve(grpcListener)) })
	group.Go(func() error { a.work(workerCtx); return nil })
	group.Go(func() error {
		<-groupCtx.Done()
		a.drain(server)
		stopWorkers()
		return nil
	})
	slog.Info("serving", "http", httpListener.Addr().String(), "grpc", grpcListener.Addr().String())
	err = group.Wait()
	slog.Info("stopped")
	return err
}

func listen(cfg config.Common) (net.Listener, net.Listener, error) {
	httpListener, err := net.Listen("tcp", cfg.HTTPAddr)
	if err != nil {
		return nil, nil, fmt.Errorf("HTTP_ADDR %q: %w", cfg.HTTPAddr, err)
	}
	grpcListener, err := net.Listen("tcp", cfg.GRPCAddr)
	if err != nil {
		_ = httpListener.Close()
		return nil, nil, fmt.Errorf("GRPC_ADDR %q: %w", cfg.GRPCAddr, err)
	}
	return httpListener, grpcListener, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// handler serves the operational routes and, behind its middleware, the API.
func (a *App) handler() http.Handler {
	api := httpx.Observe(a.API.Route, a.requireStarted(a.verifier.Middleware(a.API)))
	root := http.NewServeMux()
	root.HandleFunc("GET /livez", a.health.live)
	root.HandleFunc("GET /readyz", a.health.ready)
	root.Handle("GET /metrics", metrics.Handler())
	// Not exposed by the gateway.
	root.HandleFunc("GET /debug/pprof/", pprof.Index)
	root.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	root.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	root.Handle("/", api)
	return root
}

// requireStarted returns 503 until the Init tasks have succeeded.
func (a *App) requireStarted(next http.Handler) http.Handler {
	return httpx.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if err := a.started.err(); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// work runs the Init tasks, then the workers, until the context ends.
func (a *App) work(ctx context.Context) {
	for _, init := range a.inits {
		a.started.set(fault.New(fault.Unavailable, "%s is starting: %s", a.Name, init.name))
		backoff := newBackoff()
		for {
			err := init.run(ctx)
			if err == nil {
				break
			}
			a.started.set(fault.Wrap(fault.Unavailable, err, "%s is starting: %s failed", a.Name, init.name))
			slog.Warn("start task failed, retrying", "task", init.name, "error", err)
			if !backoff.wait(ctx) {
				return
			}
		}
	}
	a.started.set(nil)
	slog.Info("started")
	var wg sync.WaitGroup
	for _, worker := range a.workers {
		wg.Go(func() { keepRunning(ctx, worker) })
	}
	wg.Wait()
}

func keepRunning(ctx context.Context, worker task) {
	backoff := newBackoff()
	for {
		start := time.Now()
		err := runRecovered(ctx, worker.run)
		if ctx.Err() != nil {
			return
		}
		if time.Since(start) > time.Minute {
			backoff = newBackoff()
		}
		level := slog.LevelError
		if fault.Retryable(err) {
			level = slog.LevelWarn
		}
		slog.Log(ctx, level, "worker failed, restarting", "worker", worker.name, "error", err)
		if !backoff.wait(ctx) {
			return
		}
	}
}

// runRecovered converts a panic of a worker to an error: a bug in a worker must not stop the server.
func runRecovered(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return run(ctx)
}

// drain finishes the current requests, within the shutdown timeout.
func (a *App) drain(server *http.Server) {
	slog.Info("stopping")
	a.health.stop()
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownTimeout)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Shutdown(ctx); err != nil {
			slog.Warn("shutdown timeout exceeded, closing connections", "error", err)
			_ = server.Close()
		}
	})
	wg.Go(func() {
		stop := context.AfterFunc(ctx, a.GRPC.Stop)
		defer stop()
		a.GRPC.GracefulStop()
	})
	wg.Wait()
}

func (a *App) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, closer := range slices.Backward(a.closers) {
		if err := closer(ctx); err != nil {
			slog.Warn("closing a client failed", "error", err)
		}
	}
}

// startState holds the reason why the service has not started yet; nil once it has.
type startState struct {
	mu     sync.RWMutex
	reason error
}

func (s *startState) err() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.reason
}

func (s *startState) set(reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reason = reason
}
