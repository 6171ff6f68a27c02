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

// starving is a go command whose compilers the kernel ends, and counts, when more than `fit` run at a time. It keeps how many
// each call was allowed, and what the last one was told of memory.
const starving = `#!/bin/sh
jobs=$(printf '%%s\n' "$@" | sed -n 's/^-p=//p')
echo "$jobs" >>'%[1]s/jobs'
echo "$GOMEMLIMIT" >'%[1]s/goal'
case "$*" in *%[2]s*) fit=%[3]d ;; *) fit=99 ;; esac
if [ "$jobs" -gt "$fit" ]; then
  kills=$(sed -n 's/^oom_kill //p' '%[1]s/memory.events')
  [ -z "$kills" ] || echo "oom_kill $((kills + 1))" >'%[1]s/memory.events'
  # So does go list -e: it tells of no package that cannot be compiled.
  [ "$1" != list ] || exit 0
  echo "# huge.example/codec" >&2
  echo "huge.example/codec: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed" >&2
  exit 1
fi
exec '%[4]s' "$@"
`

// A bench is a toolchain under test, with the memory controller of a container.
type bench struct {
	t         *testing.T
	toolchain *Toolchain
	memory    string
	// path is PATH with the real go.
	path string
	log  bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, memory: t.TempDir(), path: os.Getenv("PATH")}
	b.toolchain = &Toolchain{Source: t.TempDir(), Stage: t.TempDir(), Memory: cgroup.Memory{Root: b.memory}}
	for name, content := range shop {
		b.write(filepath.Join(b.toolchain.Source, name), content, 0o644)
	}
	b.limit("1073741824")
	b.write(filepath.Join(b.memory, "memory.events"), "oom_kill 0\n", 0o644)
	processors := runtime.GOMAXPROCS(4)
	t.Cleanup(func() { runtime.GOMAXPROCS(processors) })
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b.log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return b
}

func (b *bench) write(path, content string, mode os.FileMode) {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) limit(octets string) {
	b.write(filepath.Join(b.memory, "memory.max"), octets+"\n", 0o644)
}

// starve makes memory suffice for `fit` compilers of what names `what`, an argument of go.
func (b *bench) starve(what string, fit int) {
	b.t.Helper()
	b.t.Setenv("PATH", b.path)
	real, err := exec.LookPath("go")
	if err != nil {
		b.t.Fatal(err)
	}
	folder := b.t.TempDir()
	b.write(filepath.Join(folder, "go"), fmt.Sprintf(starving, b.memory, what, fit, real), 0o755)
	b.t.Setenv("PATH", folder+string(os.PathListSeparator)+b.path)
}

// build is what became of each program.
func (b *bench) build(names ...string) map[string]Result {
	b.t.Helper()
	var targets []graph.Target
	for _, name := range names {
		target, err := graph.NewTarget(b.toolchain.Source, ".", "./cmd/"+name, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		target.Services = []string{name}
		targets = append(targets, target)
	}
	results := map[string]Result{}
	err := b.toolchain.Build(b.t.Context(), targets, func(target graph.Target, result Result) {
		results[target.Label()] = result
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return results
}

// jobs are how many compilers each call of go was allowed, since it was last asked.
func (b *bench) jobs() []string {
	b.t.Helper()
	path := filepath.Join(b.memory, "jobs")
	content, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		b.t.Fatal(err)
	}
	return strings.Fields(string(content))
}

func (b *bench) expectJobs(expected ...string) {
	b.t.Helper()
	if jobs := b.jobs(); !slices.Equal(jobs, expected) {
		b.t.Errorf("compilers at a time: %v instead of %v", jobs, expected)
	}
}

func (b *bench) answers(results map[string]Result, name string) {
	b.t.Helper()
	output, err := exec.Command(results[name].Program).CombinedOutput()
	if err != nil || strings.TrimSpace(string(output)) != name {
		b.t.Errorf("%s: %v %s %s", name, err, output, results[name].Words)
	}
}

func TestWhatMemoryDoesNotSufficeForIsBuiltWithFewerCompilers(t *testing.T) {
	b := newBench(t)
	b.starve("cmd", 1)
	results := b.build("one", "two")
	b.answers(results, "one")
	b.answers(results, "two")
	// The packages of both with 4, 2 and 1 at a time, then each program.
	b.expectJobs("4", "2", "1", "1", "1")
	for _, line := range []string{"compilers=2", "compilers=1"} {
		if !strings.Contains(b.log.String(), `level=WARN msg="the builder ran out of memory: `+
			`building again with fewer compilers at a time" limit="1.0 GiB" `+line) {
			t.Errorf("not in the log: %s\n%s", line, b.log.String())
		}
	}
}

func TestAProgramThatMemoryDoesNotSufficeForAloneIsLinkedAgain(t *testing.T) {
	b := newBench(t)
	b.starve("cmd/one", 2)
	b.answers(b.build("one"), "one")
	b.expectJobs("4", "2")
}

func TestFewerCompilersAreKeptForTheFollowingBuilds(t *testing.T) {
	b := newBench(t)
	b.starve("cmd", 2)
	b.build("one")
	b.jobs()
	b.answers(b.build("two"), "two")
	b.expectJobs("2")
}

func TestAnotherLimitBeginsWithAllCompilersAgain(t *testing.T) {
	b := newBench(t)
	b.starve("cmd", 1)
	b.build("one")
	b.jobs()
	b.limit("2147483648")
	b.starve("cmd", 4)
	b.build("two")
	b.expectJobs("4")
}

func TestTheMessageNamesLimitSettingAndPackageWhenOneCompilerIsTooMany(t *testing.T) {
	b := newBench(t)
	b.starve("cmd/one", 0)
	results := b.build("one", "two")
	expected := "the builder ran out of memory (limit 1.0 GiB). " +
		"Set BUILDER_MEMORY in .env to more, then run ansible-playbook playbooks/dev.yml.\n" +
		"# huge.example/codec\nhuge.example/codec: /usr/lib/go/pkg/tool/linux_amd64/compile: signal: killed"
	if results["one"].Words != expected || results["one"].Program != "" {
		t.Errorf("%+v instead of %q", results["one"], expected)
	}
	b.answers(results, "two")
}

func TestCompilersCollectTheirGarbageBeforeTheLimit(t *testing.T) {
	b := newBench(t)
	b.starve("nothing", 0)
	for limit, goal := range map[string]string{"1073741824": "805306368", "max": ""} {
		b.limit(limit)
		b.build("one")
		if told, err := os.ReadFile(filepath.Join(b.memory, "goal")); err != nil || strings.TrimSpace(string(told)) != goal {
			t.Errorf("limit %s: GOMEMLIMIT is %q instead of %q (%v)", limit, told, goal, err)
		}
	}
}

func TestWithoutLimitTheEngineNeedsMore(t *testing.T) {
	b := newBench(t)
	b.limit("max")
	b.starve("cmd", 0)
	if words := b.build("one")["one"].Words; !strings.HasPrefix(words, "the builder ran out of memory: the engine has no more.") {
		t.Error(words)
	}
}

func TestAKernelThatCountsNoKillsIsNotNeeded(t *testing.T) {
	b := newBench(t)
	b.write(filepath.Join(b.memory, "memory.events"), "", 0o644)
	b.starve("cmd", 1)
	results := b.build("one", "two")
	b.answers(results, "one")
	b.answers(results, "two")
}

func TestACompileErrorIsNoMatterOfMemory(t *testing.T) {
	b := newBench(t)
	b.starve("nothing", 0)
	b.write(filepath.Join(b.toolchain.Source, "cmd/one/main.go"), "package main\n\nfunc main() { undefined() }\n", 0o644)
	words := b.build("one")["one"].Words
	if !strings.Contains(words, "cmd/one/main.go:3:15: undefined: undefined") || strings.Contains(words, "memory") {
		t.Error(words)
	}
	b.expectJobs("4")
}
