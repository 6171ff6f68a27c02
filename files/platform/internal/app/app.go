// Package app runs a service: it serves REST, gRPC, health and metrics from the first moment, brings up what the service
// needs in the background and for as long as that takes, and shuts down in order and in bounded time.
//
// A dependency that is away is never fatal. Until every Init task is done, API calls are answered 503 with the reason;
// /readyz names what is missing, and the service goes on by itself once it is there.
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
	"cloudlab.example/platform/internal/log"
	"cloudlab.example/platform/internal/metrics"
	"cloudlab.example/platform/internal/otel"
)

// closeTimeout bounds what comes after the last request: flushing and closing clients.
const closeTimeout = 2 * time.Second

// App is a service under construction: its setup function adds routes, gRPC services, checks and workers.
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

// Run serves until the context ends. setup must only wire things together: what needs a dependency goes into Init or Go.
func Run(ctx context.Context, name string, cfg config.Common, setup func(*App) error) error {
	log.Setup(os.Stdout, name, cfg.LogLevel)
	flush, err := otel.Setup(ctx, name)
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

// Verify makes the service accept tokens signed by these keys. Every service calls it, or VerifyRemote.
func (a *App) Verify(keys auth.KeySource, tokens config.Tokens) {
	a.verifier = auth.NewVerifier(keys, tokens.Issuer, tokens.Audience)
}

// VerifyRemote makes the service accept the tokens of the auth service, whose keys it fetches.
func (a *App) VerifyRemote(tokens config.Tokens) {
	keys := auth.NewRemoteKeys(tokens.JWKSURL)
	a.Verify(keys, tokens)
	a.Needs("auth-keys", keys.Ready)
	a.Go("auth-keys", keys.Run)
}

// Dial returns a client connection to another service; its state shows in /readyz without making this service unready.
func (a *App) Dial(target, address string, client config.Client) (*grpc.ClientConn, error) {
	conn, err := grpcx.Dial(target, address, auth.NewTokenSource(client))
	if err != nil {
		return nil, err
	}
	a.Uses(target, grpcx.Ready(conn))
	a.OnClose(func(context.Context) error { return conn.Close() })
	return conn, nil
}

// Needs adds a check without which the service is not ready (503).
func (a *App) Needs(name string, check func(context.Context) error) { a.health.add(name, true, check) }

// Uses adds a check without which the service works, but not fully ("degraded").
func (a *App) Uses(name string, check func(context.Context) error) { a.health.add(name, false, check) }

// Init adds a task that is repeated until it succeeds; tasks run one after the other, and the API and the workers start
// when all are done.
func (a *App) Init(name string, run func(context.Context) error) {
	a.inits = append(a.inits, task{name, run})
}

// Go adds a worker that runs until the context ends. One that fails is logged and started again.
func (a *App) Go(name string, run func(context.Context) error) {
	a.workers = append(a.workers, task{name, run})
}

// OnClose adds a function that is called at the end, the last added first.
func (a *App) OnClose(closer func(context.Context) error) { a.closers = append(a.closers, closer) }

// serve owns everything that runs. The order of the end: not ready any more, finish requests, stop workers, close clients.
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

// handler joins the routes that every service has with the API behind its middleware.
func (a *App) handler() http.Handler {
	api := httpx.Observe(a.API.Route, a.gate(a.verifier.Middleware(a.API)))
	root := http.NewServeMux()
	root.HandleFunc("GET /livez", a.health.live)
	root.HandleFunc("GET /readyz", a.health.ready)
	root.Handle("GET /metrics", metrics.Handler())
	// For whoever reaches the port itself; the gateway has no route to it.
	root.HandleFunc("GET /debug/pprof/", pprof.Index)
	root.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	root.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	root.Handle("/", api)
	return root
}

// gate answers 503 until the Init tasks are done.
func (a *App) gate(next http.Handler) http.Handler {
	return httpx.Handler(func(w http.ResponseWriter, r *http.Request) error {
		if err := a.started.err(); err != nil {
			return err
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// work runs the Init tasks and then the workers, and returns when all have ended.
func (a *App) work(ctx context.Context) {
	for _, init := range a.inits {
		a.started.set(fault.New(fault.Unavailable, "%s has not started: %s is to be done", a.Name, init.name))
		backoff := newBackoff()
		for {
			err := init.run(ctx)
			if err == nil {
				break
			}
			a.started.set(fault.Wrap(fault.Unavailable, err, "%s has not started: %s failed", a.Name, init.name))
			slog.Warn("start delayed", "task", init.name, "error", err)
			if !backoff.wait(ctx) {
				return
			}
		}
	}
	a.started.set(nil)
	slog.Info("started")
	var running sync.WaitGroup
	for _, worker := range a.workers {
		running.Go(func() { keepRunning(ctx, worker) })
	}
	running.Wait()
}

func keepRunning(ctx context.Context, worker task) {
	backoff := newBackoff()
	for {
		begin := time.Now()
		err := contained(ctx, worker.run)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begin) > time.Minute {
			backoff = newBackoff()
		}
		level := slog.LevelError
		if fault.Retryable(err) {
			level = slog.LevelWarn
		}
		slog.Log(ctx, level, "worker ended; starting it again", "worker", worker.name, "error", err)
		if !backoff.wait(ctx) {
			return
		}
	}
}

// contained turns a panic of a worker into an error: a bug in the background must not take down what serves.
func contained(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return run(ctx)
}

// drain finishes what is being served, within the shutdown time.
func (a *App) drain(server *http.Server) {
	slog.Info("stopping")
	a.health.stop()
	ctx, cancel := context.WithTimeout(context.Background(), a.cfg.ShutdownTimeout)
	defer cancel()
	var draining sync.WaitGroup
	draining.Go(func() {
		if err := server.Shutdown(ctx); err != nil {
			slog.Warn("requests cut off", "error", err)
			_ = server.Close()
		}
	})
	draining.Go(func() {
		stop := context.AfterFunc(ctx, a.GRPC.Stop)
		defer stop()
		a.GRPC.GracefulStop()
	})
	draining.Wait()
}

func (a *App) close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	for _, closer := range slices.Backward(a.closers) {
		if err := closer(ctx); err != nil {
			slog.Warn("closing", "error", err)
		}
	}
}

// startState holds why the service has not started yet; nil once it has.
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
