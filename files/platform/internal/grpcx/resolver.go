package grpcx

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
)

// scheme names this resolver. Unlike gRPC's own "dns" it looks a name up every few seconds, so that new replicas receive
// calls, and continues if the name is unknown, where "dns" backs off to two minutes. So a restarted service is found at once.
const scheme = "replicas"

const (
	lookupInterval = 5 * time.Second
	lookupRetry    = time.Second
)

type resolverBuilder struct {
	lookup func(ctx context.Context, host string) ([]string, error)
}

func newResolver() resolver.Builder {
	return resolverBuilder{lookup: net.DefaultResolver.LookupHost}
}

func (resolverBuilder) Scheme() string { return scheme }

func (b resolverBuilder) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	host, port, err := net.SplitHostPort(target.Endpoint())
	if err != nil {
		return nil, fmt.Errorf("%q is not host:port: %w", target.Endpoint(), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &replicas{host: host, port: port, lookup: b.lookup, conn: conn, wake: make(chan struct{}, 1), cancel: cancel}
	r.done.Add(1)
	go r.watch(ctx)
	return r, nil
}

type replicas struct {
	host, port string
	lookup     func(ctx context.Context, host string) ([]string, error)
	conn       resolver.ClientConn
	wake       chan struct{}
	cancel     context.CancelFunc
	done       sync.WaitGroup
}

// ResolveNow implements resolver.Resolver: gRPC calls it when a connection breaks.
func (r *replicas) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *replicas) Close() {
	r.cancel()
	r.done.Wait()
}

func (r *replicas) watch(ctx context.Context) {
	defer r.done.Done()
	var known []string
	for {
		wait := lookupInterval
		if found, err := r.addresses(ctx); err != nil {
			wait, known = lookupRetry, nil
			r.conn.ReportError(err)
		} else if !slices.Equal(found, known) {
			known = found
			_ = r.conn.UpdateState(stateOf(found)) // its error asks for another lookup, which follows anyway
		}
		if !r.sleep(ctx, wait) {
			return
		}
	}
}

// sleep waits until the next lookup; ResolveNow shortens that, but not below lookupRetry.
func (r *replicas) sleep(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(wait, lookupRetry)):
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.wake:
	case <-time.After(wait - min(wait, lookupRetry)):
	}
	return true
}

// addresses returns the sorted addresses of the replicas. An unknown name is an error.
func (r *replicas) addresses(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	hosts, err := r.lookup(ctx, r.host)
	if err != nil {
		return nil, err
	}
	addresses := make([]string, 0, len(hosts))
	for _, host := range hosts {
		addresses = append(addresses, net.JoinHostPort(host, r.port))
	}
	slices.Sort(addresses)
	return slices.Compact(addresses), nil
}

func stateOf(addresses []string) resolver.State {
	var state resolver.State
	for _, address := range addresses {
		state.Endpoints = append(state.Endpoints, resolver.Endpoint{Addresses: []resolver.Address{{Addr: address}}})
	}
	return state
}
