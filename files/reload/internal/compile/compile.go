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

// Flags of every build, chosen for a short time from a save to a program.
var Flags = []string{
	// Linking dominates an incremental build, and takes half the time without debug information. Stack traces keep their
	// files and lines.
	"-ldflags=-s -w",
	// Without debug information, which the linker would drop, a first build takes 7 % less CPU time and a quarter less cache.
	"-gcflags=all=-dwarf=false",
	// A profile in a main package would compile all its dependencies once per program.
	"-pgo=off",
	// A version stamp would relink on each commit, and git is not installed here.
	"-buildvcs=false",
}

// Toolchain builds targets below Source into StagingDir.
type Toolchain struct {
	Source string
	// StagingDir is on the same file system as the published programs, so that publishing never copies.
	StagingDir string
	// Memory is the limit that compilers and linkers share.
	Memory cgroup.Memory
	// jobs is the number of compilers that may run in parallel under limit.
	jobs  int
	limit int64
}

// Result is the outcome of building one target.
type Result struct {
	// Program is the executable; empty if the build failed.
	Program string
	// Output is the error output of a failed build, with paths relative to the source tree.
	Output string
}

// cancelTimeout is how long go may take to exit after a build is cancelled.
const cancelTimeout = 2 * time.Second

// killed is how go reports a compiler, and os/exec reports go, that the kernel killed.
const killed = "signal: killed"

// List runs `go list`: a graph.Lister.
func (t *Toolchain) List(ctx context.Context, dir string, arguments ...string) ([]byte, error) {
	stdout, stderr, err := t.run(ctx, dir, append([]string{"list"}, arguments...)...)
	if err != nil {
		return nil, fmt.Errorf("go list: %s", message(t.relative(dir, stderr), err))
	}
	return stdout, nil
}

// Build builds the targets and reports the result of each as soon as it is known. It fails only if the context ends; report
// is never called after that.
//
// If the kernel kills compilers because memory runs out, Build retries with half as many in parallel, down to one.
func (t *Toolchain) Build(ctx context.Context, targets []graph.Target, report func(graph.Target, Result)) error {
	for len(targets) > 0 && ctx.Err() == nil {
		targets = t.round(ctx, targets, t.parallel(), report)
		if len(targets) > 0 && ctx.Err() == nil {
			t.jobs /= 2
			slog.Warn("the builder ran out of memory: retrying with fewer parallel compilers",
				"limit", cgroup.FormatSize(t.limit), "compilers", t.jobs)
		}
	}
	return ctx.Err()
}

// parallel returns the number of compilers that may run in parallel: one per CPU, or the last number that fit this limit.
func (t *Toolchain) parallel() int {
	if limit := t.Memory.Limit(); t.jobs == 0 || limit != t.limit {
		t.jobs, t.limit = runtime.GOMAXPROCS(0), limit
	}
	return t.jobs
}

// round builds the targets with at most jobs compilers in parallel, and returns those that ran out of memory. With a single
// compiler these have failed for good, and are reported.
//
// If there are several programs, one go command compiles all packages first: it loads them once, keeps all CPUs busy and
// compiles nothing twice. Then each program is linked by a command of its own, so that errors belong to one program.
func (t *Toolchain) round(
	ctx context.Context, targets []graph.Target, jobs int, report func(graph.Target, Result),
) []graph.Target {
	if len(targets) > 1 {
		for _, group := range graph.GroupByBuildKey(targets) {
			if outOfMemory := t.compile(ctx, group, jobs); outOfMemory && jobs > 1 {
				return targets
			}
		}
	}
	var retry []graph.Target
	var mu sync.Mutex
	var wg sync.WaitGroup
	links := min(jobs, len(targets))
	semaphore := make(chan struct{}, links)
	for _, target := range targets {
		semaphore <- struct{}{}
		wg.Go(func() {
			defer func() { <-semaphore }()
			result, outOfMemory := t.link(ctx, target, jobs/links)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case outOfMemory && jobs > 1:
				retry = append(retry, target)
			case ctx.Err() == nil:
				report(target, result)
			}
		})
	}
	wg.Wait()
	return retry
}

// compile fills go's build cache with the packages of the targets, and reports whether memory ran out. `go list -export`
// does that without linking; `go build` would link each of several programs and discard the result. A package that fails here
// fails again, and is reported, when its target is linked.
func (t *Toolchain) compile(ctx context.Context, group []graph.Target, jobs int) (outOfMemory bool) {
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

// link builds the program of a target, and reports whether memory ran out.
func (t *Toolchain) link(ctx context.Context, target graph.Target, jobs int) (result Result, outOfMemory bool) {
	program := t.program(target)
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		return Result{Output: err.Error()}, false
	}
	arguments := append([]string{"build", "-o", program, "-p=" + strconv.Itoa(jobs), tags(target)}, Flags...)
	before := t.Memory.Kills()
	_, stderr, err := t.run(ctx, target.Module, append(arguments, target.Package())...)
	if err == nil {
		return Result{Program: program}, false
	}
	output := message(t.relative(target.Module, stderr), err)
	// The kernel's counter is reliable; old kernels have none, but go reports how a compiler ended.
	outOfMemory = t.Memory.Kills() > before || strings.Contains(output, killed)
	if outOfMemory {
		output = t.outOfMemoryMessage() + "\n" + output
	}
	return Result{Output: output}, outOfMemory
}

func (t *Toolchain) outOfMemoryMessage() string {
	if t.limit == 0 {
		return "the builder ran out of memory: the engine has no more. " +
			"Give the engine more memory, then run ansible-playbook playbooks/dev.yml."
	}
	return fmt.Sprintf("the builder ran out of memory (limit %s). "+
		"Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml.", cgroup.FormatSize(t.limit))
}

func tags(target graph.Target) string {
	return "-tags=" + strings.Join(target.Tags, ",")
}

// program returns the path of the target's executable. It stays there, so that go does not link it again if it is up to date.
func (t *Toolchain) program(target graph.Target) string {
	sum := fnv.New64a()
	sum.Write([]byte(target.Key()))
	return filepath.Join(t.StagingDir, fmt.Sprintf("%016x", sum.Sum64()), filepath.Base(target.Main))
}

func (t *Toolchain) run(ctx context.Context, dir string, arguments ...string) (stdout []byte, stderr string, err error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "PWD="+dir, "GOTMPDIR="+t.StagingDir)
	if limit := t.Memory.Limit(); limit > 0 {
		// A compiler collects garbage before the kernel kills it; go itself and the page cache need the rest.
		command.Env = append(command.Env, fmt.Sprintf("GOMEMLIMIT=%d", limit/4*3))
	}
	// A process group, so that cancelling a build ends its compilers too. When interrupted, go removes its working directory.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGINT) }
	command.WaitDelay = cancelTimeout
	var stdoutBuffer, stderrBuffer bytes.Buffer
	command.Stdout, command.Stderr = &stdoutBuffer, &stderrBuffer
	if err = command.Start(); err == nil {
		sacrifice(command.Process.Pid)
		err = command.Wait()
	}
	return stdoutBuffer.Bytes(), stderrBuffer.String(), err
}

// sacrifice makes the kernel kill the process and its children first when memory runs out. Without it, a health check that starts
// before the memory of a killed compiler is free can end the builder.
func sacrifice(pid int) {
	// Only Linux has the file, and a process that has already exited has none.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte("1000"), 0)
}

// location matches a file and line in the compiler's output.
var location = regexp.MustCompile(`(?m)^(\s*)((?:\.{1,2}/)*[^\s:/][^\s:]*\.(?:go|s|mod|work|sum)):(\d+)`)

// relative rewrites paths in go's output from relative to dir, where go ran, to relative to the source tree.
func (t *Toolchain) relative(dir, output string) string {
	prefix, err := filepath.Rel(t.Source, dir)
	if err != nil || prefix == "." {
		return strings.TrimSpace(output)
	}
	return strings.TrimSpace(location.ReplaceAllStringFunc(output, func(match string) string {
		parts := location.FindStringSubmatch(match)
		return parts[1] + path.Join(filepath.ToSlash(prefix), parts[2]) + ":" + parts[3]
	}))
}

// message returns the output of a failed command, or its exit status if there is none.
func message(output string, err error) string {
	if output == "" {
		return err.Error()
	}
	return output
}
