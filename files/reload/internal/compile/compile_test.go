package compile

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"cloudlab.example/reload/internal/cgroup"
	"cloudlab.example/reload/internal/graph"
)

// shop is a module with two programs.
var shop = map[string]string{
	"go.mod":          "module shop.example/m\n\ngo 1.26\n",
	"cmd/one/main.go": "package main\n\nfunc main() { println(\"one\") }\n",
	"cmd/two/main.go": "package main\n\nfunc main() { println(\"two\") }\n",
}

// fakeGo is a go command whose compilers are killed, and counted by the kernel, if more than `fit` run in parallel. It records
// the -p of each call and the GOMEMLIMIT of the last one.
const fakeGo = `#!/bin/sh
jobs=$(printf '%%s\n' "$@" | sed -n 's/^-p=//p')
echo "$jobs" >>'%[1]s/jobs'
echo "$GOMEMLIMIT" >'%[1]s/memory-limit'
case "$*" in *%[2]s*) fit=%[3]d ;; *) fit=99 ;; esac
if [ "$jobs" -gt "$fit" ]; then
  kills=$(sed -n 's/^oom_kill //p' '%[1]s/memory.events')
  [ -z "$kills" ] || echo "oom_kill $((kills + 1))" >'%[1]s/memory.events'
  # Like go list -e, which reports no package that fails to compile.
  [ "$1" != list ] || exit 0
  echo "# huge.example/codec" >&2
  echo "huge.example/codec: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed" >&2
  exit 1
fi
exec '%[4]s' "$@"
`

// fixture is a toolchain under test, with the memory controller of a container.
type fixture struct {
	t         *testing.T
	toolchain *Toolchain
	memory    string
	// path is PATH with the real go.
	path string
	log  bytes.Buffer
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, memory: t.TempDir(), path: os.Getenv("PATH")}
	f.toolchain = &Toolchain{Source: t.TempDir(), StagingDir: t.TempDir(), Memory: cgroup.Memory{Root: f.memory}}
	for name, content := range shop {
		f.write(filepath.Join(f.toolchain.Source, name), content, 0o644)
	}
	f.limit("1073741824")
	f.write(filepath.Join(f.memory, "memory.events"), "oom_kill 0\n", 0o644)
	processors := runtime.GOMAXPROCS(4)
	t.Cleanup(func() { runtime.GOMAXPROCS(processors) })
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&f.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return f
}

func (f *fixture) write(path, content string, mode os.FileMode) {
	f.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) limit(bytes string) {
	f.write(filepath.Join(f.memory, "memory.max"), bytes+"\n", 0o644)
}

// limitCompilers makes memory suffice for `fit` compilers in go commands whose arguments contain `argument`.
func (f *fixture) limitCompilers(argument string, fit int) {
	f.t.Helper()
	f.t.Setenv("PATH", f.path)
	real, err := exec.LookPath("go")
	if err != nil {
		f.t.Fatal(err)
	}
	dir := f.t.TempDir()
	f.write(filepath.Join(dir, "go"), fmt.Sprintf(fakeGo, f.memory, argument, fit, real), 0o755)
	f.t.Setenv("PATH", dir+string(os.PathListSeparator)+f.path)
}

// build returns the result for each program.
func (f *fixture) build(names ...string) map[string]Result {
	f.t.Helper()
	var targets []graph.Target
	for _, name := range names {
		target, err := graph.NewTarget(f.toolchain.Source, ".", "./cmd/"+name, nil)
		if err != nil {
			f.t.Fatal(err)
		}
		target.Services = []string{name}
		targets = append(targets, target)
	}
	results := map[string]Result{}
	err := f.toolchain.Build(f.t.Context(), targets, func(target graph.Target, result Result) {
		results[target.Label()] = result
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return results
}

// jobs returns the number of parallel compilers of each go command since the last call.
func (f *fixture) jobs() []string {
	f.t.Helper()
	path := filepath.Join(f.memory, "jobs")
	content, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		f.t.Fatal(err)
	}
	return strings.Fields(string(content))
}

func (f *fixture) expectJobs(expected ...string) {
	f.t.Helper()
	if jobs := f.jobs(); !slices.Equal(jobs, expected) {
		f.t.Errorf("parallel compilers: got %v, want %v", jobs, expected)
	}
}

func (f *fixture) expectOutput(results map[string]Result, name string) {
	f.t.Helper()
	output, err := exec.Command(results[name].Program).CombinedOutput()
	if err != nil || strings.TrimSpace(string(output)) != name {
		f.t.Errorf("%s: %v %s %s", name, err, output, results[name].Output)
	}
}

func TestBuildRetriesWithFewerCompilers(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("cmd", 1)
	results := f.build("one", "two")
	f.expectOutput(results, "one")
	f.expectOutput(results, "two")
	// The packages of both with 4, 2 and 1 compilers, then each program.
	f.expectJobs("4", "2", "1", "1", "1")
	for _, line := range []string{"compilers=2", "compilers=1"} {
		if !strings.Contains(f.log.String(), `level=WARN msg="the builder ran out of memory: `+
			`retrying with fewer parallel compilers" limit="1.0 GiB" `+line) {
			t.Errorf("not in the log: %s\n%s", line, f.log.String())
		}
	}
}

func TestSingleProgramIsRetried(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("cmd/one", 2)
	f.expectOutput(f.build("one"), "one")
	f.expectJobs("4", "2")
}

func TestNumberOfCompilersIsKept(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("cmd", 2)
	f.build("one")
	f.jobs()
	f.expectOutput(f.build("two"), "two")
	f.expectJobs("2")
}

func TestNewLimitResetsNumberOfCompilers(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("cmd", 1)
	f.build("one")
	f.jobs()
	f.limit("2147483648")
	f.limitCompilers("cmd", 4)
	f.build("two")
	f.expectJobs("4")
}

func TestOutOfMemoryWithOneCompiler(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("cmd/one", 0)
	results := f.build("one", "two")
	expected := "the builder ran out of memory (limit 1.0 GiB). " +
		"Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml.\n" +
		"# huge.example/codec\nhuge.example/codec: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed"
	if results["one"].Output != expected || results["one"].Program != "" {
		t.Errorf("got %+v, want %q", results["one"], expected)
	}
	f.expectOutput(results, "two")
}

func TestMemoryLimitOfCompilers(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("nothing", 0)
	for limit, want := range map[string]string{"1073741824": "805306368", "max": ""} {
		f.limit(limit)
		f.build("one")
		if got, err := os.ReadFile(filepath.Join(f.memory, "memory-limit")); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("limit %s: GOMEMLIMIT: got %q, want %q (%v)", limit, got, want, err)
		}
	}
}

func TestOutOfMemoryWithoutLimit(t *testing.T) {
	f := newFixture(t)
	f.limit("max")
	f.limitCompilers("cmd", 0)
	if output := f.build("one")["one"].Output; !strings.HasPrefix(output, "the builder ran out of memory: the engine has no more.") {
		t.Error(output)
	}
}

func TestOutOfMemoryWithoutKillCounter(t *testing.T) {
	f := newFixture(t)
	f.write(filepath.Join(f.memory, "memory.events"), "", 0o644)
	f.limitCompilers("cmd", 1)
	results := f.build("one", "two")
	f.expectOutput(results, "one")
	f.expectOutput(results, "two")
}

func TestGoIsKilledBeforeTheBuilder(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	f := newFixture(t)
	dir := t.TempDir()
	script := "#!/bin/sh\nfor i in $(seq 500); do [ \"$(cat /proc/$$/oom_score_adj)\" != 1000 ] || exit 0; sleep 0.01; done\nexit 1\n"
	f.write(filepath.Join(dir, "go"), script, 0o755)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+f.path)
	if _, err := f.toolchain.List(t.Context(), f.toolchain.Source); err != nil {
		t.Error(err)
	}
}

func TestCompileErrorIsNotRetried(t *testing.T) {
	f := newFixture(t)
	f.limitCompilers("nothing", 0)
	f.write(filepath.Join(f.toolchain.Source, "cmd/one/main.go"), "package main\n\nfunc main() { undefined() }\n", 0o644)
	output := f.build("one")["one"].Output
	if !strings.Contains(output, "cmd/one/main.go:3:15: undefined: undefined") || strings.Contains(output, "memory") {
		t.Error(output)
	}
	f.expectJobs("4")
}
