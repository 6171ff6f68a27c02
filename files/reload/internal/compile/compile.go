// Package compile runs the go command.
package compile

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"cloudlab.example/reload/internal/cgroup"
	"cloudlab.example/reload/internal/graph"
)

// Flags of every build, chosen for the time from a save to a program.
var Flags = []string{
	// The linker is the greater part of an incremental build; without tables for debuggers it takes half the time. Stack
	// traces keep their files and lines.
	"-ldflags=-s -w",
	// A profile in a main package would compile everything below it once per program.
	"-pgo=off",
	// A stamp would relink on each commit, and there is no git here.
	"-buildvcs=false",
}

// A Toolchain builds targets below Source into Stage.
type Toolchain struct {
	Source string
	// Stage is a folder on the file system where programs end up, so that they are moved there and never copied.
	Stage string
	// Memory is what compilers and linkers share.
	Memory cgroup.Memory
	// jobs is how many compilers may run at a time under limit.
	jobs  int
	limit int64
}

// A Result is what became of one target.
type Result struct {
	// Program is the executable; empty when the build failed.
	Program string
	// Words are the compiler's own, with paths relative to the source tree.
	Words string
}

// grace is what go gets to end when a build is not wanted any more.
const grace = 2 * time.Second

// killed is how go describes the end of a compiler, and this program that of go, when the kernel ended it.
const killed = "signal: killed"

// List runs `go list`: a graph.Lister.
func (t *Toolchain) List(ctx context.Context, folder string, arguments ...string) ([]byte, error) {
	output, words, err := t.run(ctx, folder, append([]string{"list"}, arguments...)...)
	if err != nil {
		return nil, fmt.Errorf("go list: %s", failure(t.relative(folder, words), err))
	}
	return output, nil
}

// Build builds the targets and reports each as soon as it is known what became of it. It fails only when the context ends;
// report is never called after that.
//
// What the kernel ends because memory runs out is built again with fewer compilers at a time, down to one.
func (t *Toolchain) Build(ctx context.Context, targets []graph.Target, report func(graph.Target, Result)) error {
	for len(targets) > 0 && ctx.Err() == nil {
		targets = t.round(ctx, targets, t.parallel(), report)
		if len(targets) > 0 && ctx.Err() == nil {
			t.jobs /= 2
			slog.Warn("the builder ran out of memory: building again with fewer compilers at a time",
				"limit", cgroup.Size(t.limit), "compilers", t.jobs)
		}
	}
	return ctx.Err()
}

// parallel is how many compilers may run at a time: one per processor, or as many as memory sufficed for under this limit.
func (t *Toolchain) parallel() int {
	if limit := t.Memory.Limit(); t.jobs == 0 || limit != t.limit {
		t.jobs, t.limit = runtime.GOMAXPROCS(0), limit
	}
	return t.jobs
}

// round builds the targets with so many compilers at a time, and returns those that memory did not suffice for. With one
// compiler at a time they have failed for good, and are reported.
//
// Several programs are compiled by one call of go first: it loads the packages once, keeps both processors busy, and nothing
// is compiled twice. Then each is linked by a call of its own, which says in its own words why one of them cannot be.
func (t *Toolchain) round(
	ctx context.Context, targets []graph.Target, jobs int, report func(graph.Target, Result),
) []graph.Target {
	if len(targets) > 1 {
		for _, group := range graph.Settings(targets) {
			if starved := t.compile(ctx, group, jobs); starved && jobs > 1 {
				return targets
			}
		}
	}
	var starving []graph.Target
	var guard sync.Mutex
	var pending sync.WaitGroup
	links := min(jobs, len(targets))
	free := make(chan struct{}, links)
	for _, target := range targets {
		free <- struct{}{}
		pending.Go(func() {
			defer func() { <-free }()
			result, starved := t.link(ctx, target, jobs/links)
			guard.Lock()
			defer guard.Unlock()
			switch {
			case starved && jobs > 1:
				starving = append(starving, target)
			case ctx.Err() == nil:
				report(target, result)
			}
		})
	}
	pending.Wait()
	return starving
}

// compile fills go's cache with the packages of the targets, and tells whether memory sufficed. `go list -export` does that
// without linking, which `go build` would do for each of several programs and throw the result away. What fails here fails
// again when its target is linked.
func (t *Toolchain) compile(ctx context.Context, group []graph.Target, jobs int) (starved bool) {
	arguments := append([]string{"list", "-export", "-e", "-f", "", "-p=" + strconv.Itoa(jobs), tags(group[0])}, Flags...)
	for _, target := range group {
		arguments = append(arguments, target.Package())
	}
	before := t.Memory.Kills()
	if ctx.Err() == nil {
		_, _, _ = t.run(ctx, group[0].Module, arguments...)
	}
	return t.Memory.Kills() > before
}

// link makes the program of a target, compiling what is left to compile, and tells whether memory sufficed.
func (t *Toolchain) link(ctx context.Context, target graph.Target, jobs int) (result Result, starved bool) {
	program := t.program(target)
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return Result{Words: err.Error()}, false
	}
	arguments := append([]string{"build", "-o", program, "-p=" + strconv.Itoa(jobs), tags(target)}, Flags...)
	before := t.Memory.Kills()
	_, words, err := t.run(ctx, target.Module, append(arguments, target.Package())...)
	if err == nil {
		return Result{Program: program}, false
	}
	words = failure(t.relative(target.Module, words), err)
	// The kernel counts for certain; where it does not count, go tells how a compiler ended.
	starved = t.Memory.Kills() > before || strings.Contains(words, killed)
	if starved {
		words = t.outOfMemory() + "\n" + words
	}
	return Result{Words: words}, starved
}

// outOfMemory is the message for a build that memory does not suffice for.
func (t *Toolchain) outOfMemory() string {
	if t.limit == 0 {
		return "the builder ran out of memory: the engine has no more. " +
			"Give the engine more memory, then run ansible-playbook playbooks/dev.yml."
	}
	return fmt.Sprintf("the builder ran out of memory (limit %s). "+
		"Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml.", cgroup.Size(t.limit))
}

func tags(target graph.Target) string {
	return "-tags=" + strings.Join(target.Tags, ",")
}

// program is where the target's executable is made. It stays there: go sees when it is up to date, and does not link it again.
func (t *Toolchain) program(target graph.Target) string {
	sum := fnv.New64a()
	sum.Write([]byte(target.Key()))
	return filepath.Join(t.Stage, fmt.Sprintf("%016x", sum.Sum64()), filepath.Base(target.Main))
}

func (t *Toolchain) run(ctx context.Context, folder string, arguments ...string) ([]byte, string, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "PWD="+folder, "GOTMPDIR="+t.Stage)
	if limit := t.Memory.Limit(); limit > 0 {
		// A compiler collects its garbage before the kernel ends it; go itself and what is cached need the rest.
		command.Env = append(command.Env, fmt.Sprintf("GOMEMLIMIT=%d", limit/4*3))
	}
	// Its own process group: a build that is not wanted any more ends with its compilers. Interrupted, go removes its folder.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGINT) }
	command.WaitDelay = grace
	var output, words bytes.Buffer
	command.Stdout, command.Stderr = &output, &words
	err := command.Run()
	return output.Bytes(), words.String(), err
}

var place = regexp.MustCompile(`(?m)^(\s*)((?:\.{1,2}/)*[^\s:/][^\s:]*\.(?:go|s|mod|work|sum)):(\d+)`)

// relative makes paths in go's words, which are relative to the folder where it runs, relative to the source tree.
func (t *Toolchain) relative(folder, words string) string {
	prefix, err := filepath.Rel(t.Source, folder)
	if err != nil || prefix == "." {
		return strings.TrimSpace(words)
	}
	return strings.TrimSpace(place.ReplaceAllStringFunc(words, func(found string) string {
		parts := place.FindStringSubmatch(found)
		return parts[1] + path.Join(filepath.ToSlash(prefix), parts[2]) + ":" + parts[3]
	}))
}

// failure are the words of a failed command; what says nothing is described by how it ended.
func failure(words string, err error) string {
	if words == "" {
		return err.Error()
	}
	return words
}
