// Package build keeps programs up to date with a source tree.
package build

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudlab.example/reload/internal/cgroup"
	"cloudlab.example/reload/internal/compile"
	"cloudlab.example/reload/internal/graph"
	"cloudlab.example/reload/internal/shelf"
	"cloudlab.example/reload/internal/watch"
)

// Config is the builder's configuration file.
type Config struct {
	// Source is the tree that is watched; it is only read.
	Source string `json:"source"`
	// Shelf is the folder shared with the runners.
	Shelf    string    `json:"shelf"`
	Services []Service `json:"services"`
	// Polling is whether the tree is compared instead of watched: "true", "false", or "auto", where its file system decides.
	Polling string `json:"polling"`
}

// A Service says where its main package is.
type Service struct {
	Name   string   `json:"name"`
	Module string   `json:"module"`
	Main   string   `json:"main"`
	Tags   []string `json:"tags"`
}

// watching: an editor's save is over after quiet; a checkout of another branch is built once, not file by file.
var watching = watch.Options{Quiet: 40 * time.Millisecond, Longest: time.Second, Interval: time.Second}

// ReadConfig reads the configuration file.
func ReadConfig(path string) (Config, error) {
	var config Config
	content, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}

// Targets are the programs of the services. Services with the same main package and tags share one.
func (c Config) Targets() ([]graph.Target, error) {
	var targets []graph.Target
	places := map[string]int{}
	for _, service := range c.Services {
		target, err := graph.NewTarget(c.Source, service.Module, service.Main, service.Tags)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", service.Name, err)
		}
		place, known := places[target.Key()]
		if !known {
			place = len(targets)
			places[target.Key()], targets = place, append(targets, target)
		}
		targets[place].Services = append(targets[place].Services, service.Name)
	}
	return targets, nil
}

// polls tells whether the tree is compared instead of watched.
func (c Config) polls() (bool, error) {
	if c.Polling != "auto" {
		return strconv.ParseBool(c.Polling)
	}
	kind, silent, err := watch.Silent(c.Source)
	if silent {
		slog.Info("changes of this file system may go unreported; the tree is compared instead", "file_system", kind)
	}
	return silent, err
}

// A Builder rebuilds what a change affects.
type Builder struct {
	shelf     shelf.Shelf
	toolchain *compile.Toolchain
	graph     *graph.Graph
	status    shelf.Status
	// owed are targets to build, failed those whose last build failed; by key.
	owed, failed map[string]graph.Target
	// running is the build that is under way, if there is one.
	running *run
	// files changed since the graph was last compared with them, late ones of them since the build under way began;
	// outgrown is true when the graph has to be read anew in any case.
	files, late []string
	outgrown    bool
}

// A run is one build that is under way.
type run struct {
	targets []graph.Target
	started time.Time
	cancel  context.CancelFunc
	results chan result
	// patient runs are left to finish: they replace one that was given up already.
	patient bool
}

// A result without target is the last one of its run.
type result struct {
	target *graph.Target
	compile.Result
	seconds float64
}

// Run builds everything once, then what changes affect, until the context ends. ready is called once changes are seen; what
// arrives on retry makes it build again what failed.
func Run(ctx context.Context, config Config, retry <-chan os.Signal, ready func() error) error {
	targets, err := config.Targets()
	if err != nil {
		return err
	}
	builder := &Builder{
		shelf:  shelf.Shelf{Folder: config.Shelf},
		status: shelf.Status{Started: time.Now().UTC(), Services: map[string]shelf.Report{}},
		owed:   map[string]graph.Target{},
		failed: map[string]graph.Target{},
	}
	builder.toolchain = &compile.Toolchain{
		Source: config.Source, Stage: builder.shelf.Stage(), Memory: cgroup.Memory{Root: cgroup.Root},
	}
	var names []string
	for _, service := range config.Services {
		names = append(names, service.Name)
		builder.status.Services[service.Name] = shelf.Report{State: shelf.Waiting}
	}
	if err := builder.shelf.Prepare(names); err != nil {
		return err
	}
	if err := builder.shelf.Publish(builder.status); err != nil {
		return err
	}
	options := watching
	if options.Polling, err = config.polls(); err != nil {
		return err
	}
	// Before the first build: what changes during it is seen.
	batches, err := watch.Tree(ctx, config.Source, options)
	if err != nil {
		return fmt.Errorf("watch %s: %w", config.Source, err)
	}
	if err := ready(); err != nil {
		return err
	}
	builder.load(ctx, targets)
	builder.owe(builder.graph.All())
	return builder.loop(ctx, batches, retry)
}

func (b *Builder) loop(ctx context.Context, batches <-chan watch.Batch, retry <-chan os.Signal) error {
	for {
		if b.running == nil && len(b.owed) > 0 {
			b.start(ctx, false)
		}
		select {
		case batch := <-batches:
			b.files, b.late = append(b.files, batch.Files...), append(b.late, batch.Files...)
			b.outgrown = b.outgrown || batch.Everything
			b.owe(b.affected(batch))
			if b.outdated() {
				b.giveUp()
				b.start(ctx, true)
			}
		case result, open := <-b.results():
			if !open {
				b.finish(ctx)
			} else if err := b.record(result); err != nil {
				return err
			}
		case <-retry:
			if err := b.retry(); err != nil {
				return err
			}
		case <-ctx.Done():
			b.giveUp()
			return nil
		}
	}
}

// retry builds again what failed: the cause may have been a network that is back by now.
func (b *Builder) retry() error {
	b.status.Requests++
	for _, target := range b.failed {
		b.owe([]graph.Target{target})
		for _, service := range target.Services {
			b.status.Services[service] = shelf.Report{State: shelf.Waiting}
		}
	}
	return b.shelf.Publish(b.status)
}

// results is the channel of the build that is under way; nil, which never delivers, when there is none.
func (b *Builder) results() <-chan result {
	if b.running == nil {
		return nil
	}
	return b.running.results
}

// affected are the targets that a batch of changes makes it necessary to build.
func (b *Builder) affected(batch watch.Batch) []graph.Target {
	if batch.Everything {
		return b.graph.All()
	}
	affected := b.graph.Affected(batch.Files)
	if slices.ContainsFunc(batch.Files, graph.Source) || len(affected) > 0 {
		// What could not be built may miss just the file that came now; the graph does not know what it asks for.
		for _, target := range b.failed {
			affected = append(affected, target)
		}
	}
	return affected
}

func (b *Builder) owe(targets []graph.Target) {
	for _, target := range targets {
		b.owed[target.Key()] = target
	}
}

// outdated says whether the build under way makes a program that is owed again, and may be given up for that.
func (b *Builder) outdated() bool {
	if b.running == nil || b.running.patient {
		return false
	}
	return slices.ContainsFunc(b.running.targets, func(target graph.Target) bool {
		_, owed := b.owed[target.Key()]
		return owed
	})
}

// start builds what is owed.
func (b *Builder) start(ctx context.Context, patient bool) {
	var targets []graph.Target
	for _, target := range b.graph.All() {
		if _, owed := b.owed[target.Key()]; owed {
			targets = append(targets, target)
		}
	}
	b.owed, b.late = map[string]graph.Target{}, nil
	ctx, cancel := context.WithCancel(ctx)
	current := &run{
		targets: targets, started: time.Now(), cancel: cancel, patient: patient, results: make(chan result, len(targets)),
	}
	b.running = current
	go func() {
		defer close(current.results)
		defer cancel()
		_ = b.toolchain.Build(ctx, targets, func(target graph.Target, made compile.Result) {
			current.results <- result{target: &target, Result: made, seconds: time.Since(current.started).Seconds()}
		})
	}()
}

// giveUp ends the build under way; what it has not built is owed again.
func (b *Builder) giveUp() {
	if b.running == nil {
		return
	}
	b.running.cancel()
	built := map[string]bool{}
	for result := range b.running.results {
		built[result.target.Key()] = true
		if err := b.record(result); err != nil {
			slog.Error("a program is not handed on", "services", result.target.Label(), "cause", err)
		}
	}
	for _, target := range b.running.targets {
		if !built[target.Key()] {
			b.owed[target.Key()] = target
		}
	}
	b.running = nil
}

// finish ends a complete build; the graph is read anew when what led to it changed what is imported.
func (b *Builder) finish(ctx context.Context) {
	b.running = nil
	if b.outgrown || b.graph.Stale(b.files) {
		b.load(ctx, b.graph.All())
		// The graph of before did not know what these belong to.
		b.owe(b.graph.Affected(b.late))
	}
	b.files, b.outgrown = nil, false
}

// load asks go what the targets are made of. When go cannot say, each change counts as one of every target.
func (b *Builder) load(ctx context.Context, targets []graph.Target) {
	loaded, err := graph.Load(ctx, b.toolchain.Source, targets, b.toolchain.List)
	if err != nil && ctx.Err() == nil {
		slog.Warn("the packages cannot be listed: each change builds everything until they can", "cause", err)
	}
	b.graph = loaded
}

// record hands a program on to its services' runners, or the reason why there is none.
func (b *Builder) record(result result) error {
	report := shelf.Report{State: shelf.Built, Seconds: result.seconds, Finished: time.Now().UTC()}
	if _, mended := b.failed[result.target.Key()]; mended {
		// What it was missing is a part of it now, and not yet of the graph.
		b.outgrown = true
		delete(b.failed, result.target.Key())
	}
	if result.Program == "" {
		report.State, report.Words = shelf.Failed, result.Words
		b.failed[result.target.Key()] = *result.target
		slog.Error("cannot be built", "services", result.target.Label(), "seconds", round(result.seconds), "words", result.Words)
	}
	var failures []error
	for _, service := range result.target.Services {
		b.status.Services[service] = report
		failures = append(failures, b.hand(service, result, report))
	}
	return errors.Join(append(failures, b.shelf.Publish(b.status))...)
}

func (b *Builder) hand(service string, result result, report shelf.Report) error {
	if result.Program != "" {
		changed, err := b.shelf.Put(service, result.Program)
		if err != nil {
			return fmt.Errorf("hand the program on to %s: %w", service, err)
		}
		if changed {
			slog.Info("built", "service", service, "seconds", round(result.seconds))
		}
	}
	return b.shelf.Tell(service, report)
}

func round(seconds float64) float64 {
	return float64(int(seconds*100)) / 100
}
