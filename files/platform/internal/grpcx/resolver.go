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

// scheme names our resolver. It differs from gRPC's own "dns" in two points that matter where containers come and go:
// it looks again every few seconds, so that new replicas get their share; and it keeps doing so when the name is unknown,
// where "dns" backs off to two minutes, so that a service which was away is found again at once.
const scheme = "replicas"

const (
	lookEvery  = 5 * time.Second
	lookFailed = time.Second
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
	r := &replicas{host: host, port: port, lookup: b.lookup, conn: conn, again: make(chan struct{}, 1), cancel: cancel}
	r.done.Add(1)
	go r.watch(ctx)
	return r, nil
}

type replicas struct {
	host, port string
	lookup     func(ctx context.Context, host string) ([]string, error)
	conn       resolver.ClientConn
	again      chan struct{}
	cancel     context.CancelFunc
	done       sync.WaitGroup
}

// ResolveNow is gRPC's hint that a connection broke.
func (r *replicas) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case r.again <- struct{}{}:
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
		wait := lookEvery
		if found, err := r.look(ctx); err != nil {
			wait, known = lookFailed, nil
			r.conn.ReportError(err)
		} else if !slices.Equal(found, known) {
			known = found
			_ = r.conn.UpdateState(stateOf(found)) // its error asks for a new look, which comes anyway
		}
		if !r.pause(ctx, wait) {
			return
		}
	}
}

// pause waits until the next look is due; a hint shortens that, to not less than lookFailed.
func (r *replicas) pause(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(min(wait, lookFailed)):
	}
	select {
	case <-ctx.Done():
		return false
	case <-r.again:
	case <-time.After(wait - min(wait, lookFailed)):
	}
	return true
}

// look returns the replicas' addresses in a fixed order. An unknown name counts as an error.
func (r *replicas) look(ctx context.Context) ([]string, error) {
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
