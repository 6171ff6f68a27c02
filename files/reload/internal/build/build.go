// Package build keeps programs up to date with a source tree.
package build

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"cloudlab.example/reload/internal/artifacts"
	"cloudlab.example/reload/internal/cgroup"
	"cloudlab.example/reload/internal/compile"
	"cloudlab.example/reload/internal/graph"
	"cloudlab.example/reload/internal/watch"
)

// watchOptions: the quiet period covers an editor's save; a checkout of another branch is built once, not file by file.
var watchOptions = watch.Options{Quiet: 40 * time.Millisecond, MaxDelay: time.Second, Interval: time.Second}

// Builder rebuilds what a change affects.
type Builder struct {
	volume    artifacts.Volume
	toolchain *compile.Toolchain
	graph     *graph.Graph
	status    artifacts.Status
	// pending are the targets to build, failed those whose last build failed; by key.
	pending, failed map[string]graph.Target
	// running is the current build; nil if there is none.
	running *run
	// changed are the files changed since the graph was last checked against them; changedDuringBuild is the part that changed
	// since the current build started.
	changed, changedDuringBuild []string
	// reloadGraph is true if the graph must be loaded again whatever the changed files contain.
	reloadGraph bool
}

// run is one build in progress.
type run struct {
	targets []graph.Target
	started time.Time
	cancel  context.CancelFunc
	results chan result
	// replacement is true for a run that replaces a cancelled one. It is not cancelled itself, so that builds make progress.
	replacement bool
}

// result is the outcome for one target.
type result struct {
	target graph.Target
	compile.Result
	seconds float64
}

// Run builds everything once, then what changes affect, until the context ends. It calls ready once changes are detected. A
// signal on retry makes it build again what failed.
func Run(ctx context.Context, config Config, retry <-chan os.Signal, ready func() error) error {
	targets, err := config.Targets()
	if err != nil {
		return err
	}
	builder := &Builder{
		volume:  artifacts.Volume{Dir: config.Artifacts},
		status:  artifacts.Status{Started: time.Now().UTC(), Services: map[string]artifacts.Report{}},
		pending: map[string]graph.Target{},
		failed:  map[string]graph.Target{},
	}
	builder.toolchain = &compile.Toolchain{
		Source: config.Source, StagingDir: builder.volume.StagingDir(), Memory: cgroup.Memory{Root: cgroup.Root},
	}
	var names []string
	for _, service := range config.Services {
		names = append(names, service.Name)
		builder.status.Services[service.Name] = artifacts.Report{State: artifacts.Waiting}
	}
	if err := builder.volume.Prepare(names); err != nil {
		return err
	}
	if err := builder.volume.WriteStatus(builder.status); err != nil {
		return err
	}
	options := watchOptions
	if options.Polling, err = config.polls(); err != nil {
		return err
	}
	// Before the first build, so that changes during it are detected.
	batches, err := watch.Tree(ctx, config.Source, options)
	if err != nil {
		return fmt.Errorf("watch %s: %w", config.Source, err)
	}
	if err := ready(); err != nil {
		return err
	}
	builder.loadGraph(ctx, targets)
	builder.enqueue(builder.graph.All())
	return builder.loop(ctx, batches, retry)
}

func (b *Builder) loop(ctx context.Context, batches <-chan watch.Batch, retry <-chan os.Signal) error {
	for {
		if b.running == nil && len(b.pending) > 0 {
			b.start(ctx, false)
		}
		select {
		case batch := <-batches:
			b.changed, b.changedDuringBuild = append(b.changed, batch.Files...), append(b.changedDuringBuild, batch.Files...)
			b.reloadGraph = b.reloadGraph || batch.Everything
			b.enqueue(b.affected(batch))
			if b.outdated() {
				b.cancel()
				b.start(ctx, true)
			}
		case result, open := <-b.results():
			if !open {
				b.finish(ctx)
			} else if err := b.record(result); err != nil {
				return err
			}
		case <-retry:
			if err := b.retryFailed(); err != nil {
				return err
			}
		case <-ctx.Done():
			b.cancel()
			return nil
		}
	}
}

// retryFailed builds again what failed: the cause may have been a network failure that is over.
func (b *Builder) retryFailed() error {
	b.status.Requests++
	for _, target := range b.failed {
		b.enqueue([]graph.Target{target})
		for _, service := range target.Services {
			b.status.Services[service] = artifacts.Report{State: artifacts.Waiting}
		}
	}
	return b.volume.WriteStatus(b.status)
}

// results returns the channel of the current build, or nil, which never delivers, if there is none.
func (b *Builder) results() <-chan result {
	if b.running == nil {
		return nil
	}
	return b.running.results
}

// affected returns the targets that a batch of changes requires to be built.
func (b *Builder) affected(batch watch.Batch) []graph.Target {
	if batch.Everything {
		return b.graph.All()
	}
	affected := b.graph.Affected(batch.Files)
	if slices.ContainsFunc(batch.Files, graph.Source) || len(affected) > 0 {
		// A failed target may lack just this file; the graph does not know what it imports.
		for _, target := range b.failed {
			affected = append(affected, target)
		}
	}
	return affected
}

func (b *Builder) enqueue(targets []graph.Target) {
	for _, target := range targets {
		b.pending[target.Key()] = target
	}
}

// outdated reports whether the current build includes a target that is pending again, and may be cancelled for that.
func (b *Builder) outdated() bool {
	if b.running == nil || b.running.replacement {
		return false
	}
	return slices.ContainsFunc(b.running.targets, func(target graph.Target) bool {
		_, pending := b.pending[target.Key()]
		return pending
	})
}

// start builds the pending targets.
func (b *Builder) start(ctx context.Context, replacement bool) {
	var targets []graph.Target
	for _, target := range b.graph.All() {
		if _, pending := b.pending[target.Key()]; pending {
			targets = append(targets, target)
		}
	}
	b.pending, b.changedDuringBuild = map[string]graph.Target{}, nil
	ctx, cancel := context.WithCancel(ctx)
	current := &run{
		targets: targets, started: time.Now(), cancel: cancel, replacement: replacement,
		results: make(chan result, len(targets)),
	}
	b.running = current
	go func() {
		defer close(current.results)
		defer cancel()
		_ = b.toolchain.Build(ctx, targets, func(target graph.Target, outcome compile.Result) {
			current.results <- result{target: target, Result: outcome, seconds: time.Since(current.started).Seconds()}
		})
	}()
}

// cancel ends the current build; what it has not built is pending again.
func (b *Builder) cancel() {
	if b.running == nil {
		return
	}
	b.running.cancel()
	built := map[string]bool{}
	for result := range b.running.results {
		built[result.target.Key()] = true
		if err := b.record(result); err != nil {
			slog.Error("publishing a program failed", "services", result.target.Label(), "error", err)
		}
	}
	for _, target := range b.running.targets {
		if !built[target.Key()] {
			b.pending[target.Key()] = target
		}
	}
	b.running = nil
}

// finish ends a complete build, and loads the graph again if the changed files changed it.
func (b *Builder) finish(ctx context.Context) {
	b.running = nil
	if b.reloadGraph || b.graph.Stale(b.changed) {
		b.loadGraph(ctx, b.graph.All())
		// The previous graph did not know which targets these files belong to.
		b.enqueue(b.graph.Affected(b.changedDuringBuild))
	}
	b.changed, b.reloadGraph = nil, false
}

// loadGraph asks go for the files of the targets. Until go can list them, each change affects every target.
func (b *Builder) loadGraph(ctx context.Context, targets []graph.Target) {
	loaded, err := graph.Load(ctx, b.toolchain.Source, targets, b.toolchain.List)
	if err != nil && ctx.Err() == nil {
		slog.Warn("listing packages failed: every change rebuilds all services until it succeeds", "error", err)
	}
	b.graph = loaded
}

// record publishes a result to the runners of the target's services.
func (b *Builder) record(result result) error {
	report := artifacts.Report{State: artifacts.Built, Seconds: result.seconds, Finished: time.Now().UTC()}
	if _, fixed := b.failed[result.target.Key()]; fixed {
		// The graph does not include the files that fixed it yet.
		b.reloadGraph = true
		delete(b.failed, result.target.Key())
	}
	if result.Program == "" {
		report.State, report.Error = artifacts.Failed, result.Output
		b.failed[result.target.Key()] = result.target
		slog.Error("build failed", "services", result.target.Label(), "seconds", round(result.seconds), "error", result.Output)
	}
	var failures []error
	for _, service := range result.target.Services {
		b.status.Services[service] = report
		failures = append(failures, b.publish(service, result, report))
	}
	return errors.Join(append(failures, b.volume.WriteStatus(b.status))...)
}

func (b *Builder) publish(service string, result result, report artifacts.Report) error {
	if result.Program != "" {
		changed, err := b.volume.Publish(service, result.Program)
		if err != nil {
			return fmt.Errorf("publish the program of %s: %w", service, err)
		}
		if changed {
			slog.Info("built", "service", service, "seconds", round(result.seconds))
		}
	}
	return b.volume.WriteReport(service, report)
}

func round(seconds float64) float64 {
	return float64(int(seconds*100)) / 100
}
