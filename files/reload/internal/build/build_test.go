package build

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudlab.example/reload/internal/artifacts"
)

const timeout = 60 * time.Second

// fixture is a builder under test, with the source tree of a small platform.
type fixture struct {
	t      *testing.T
	source string
	volume artifacts.Volume
	config Config
	retry  chan os.Signal
}

// shop is a module with two services that share a package, and one binary with two roles.
var shop = map[string]string{
	"go.mod":              "module shop.example/m\n\ngo 1.26\n",
	"shared/shared.go":    "package shared\n\nconst Name = \"shared 1\"\n",
	"cmd/one/main.go":     "package main\n\nimport \"shop.example/m/shared\"\n\nfunc main() { println(\"one\", shared.Name) }\n",
	"cmd/two/main.go":     "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"shop.example/m/shared\"\n)\n\n//go:embed page.txt\nvar page string\n\nfunc main() { println(\"two\", page, shared.Name) }\n",
	"cmd/two/page.txt":    "page 1",
	"cmd/roles/main.go":   "package main\n\nimport \"os\"\n\nfunc main() { println(\"role\", os.Args[1], mode) }\n",
	"cmd/roles/plain.go":  "//go:build !fancy\n\npackage main\n\nconst mode = \"plain\"\n",
	"cmd/roles/fancy.go":  "//go:build fancy\n\npackage main\n\nconst mode = \"fancy\"\n",
	"tools/go.mod":        "module shop.example/tools\n\ngo 1.26\n",
	"tools/main.go":       "package main\n\nfunc main() { println(\"tools 1\") }\n",
	"tools/README.md":     "# nothing",
	"other/one/main.go":   "package main\n\nfunc main() { println(\"another one\") }\n",
	"cmd/one/one_test.go": "package main\n",
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, source: t.TempDir(), volume: artifacts.Volume{Dir: t.TempDir()}, retry: make(chan os.Signal, 1)}
	for name, content := range shop {
		f.save(name, content)
	}
	f.config = Config{Source: f.source, Artifacts: f.volume.Dir, Polling: "auto", Services: []Service{
		{Name: "one", Module: ".", Main: "./cmd/one"},
		{Name: "two", Module: ".", Main: "cmd/two"},
		{Name: "first", Module: ".", Main: "./cmd/roles"},
		{Name: "second", Module: ".", Main: "./cmd/roles"},
		{Name: "fancy", Module: ".", Main: "./cmd/roles", Tags: []string{"fancy"}},
		{Name: "tools", Module: "tools", Main: "."},
		{Name: "other", Module: ".", Main: "./other/one"},
	}}
	return f
}

// run starts the builder, and stops it at the end of the test.
func (f *fixture) run() {
	f.t.Helper()
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	ctx, stop := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- Run(ctx, f.config, f.retry, func() error { return nil }) }()
	f.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			f.t.Errorf("the builder failed: %v", err)
		}
		if f.t.Failed() {
			f.t.Log(log.String())
		}
	})
}

func (f *fixture) save(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.source, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

// output returns what the service's program prints.
func (f *fixture) output(service string) string {
	output, err := exec.Command(filepath.Join(f.volume.ServiceDir(service), artifacts.ProgramFile), "argument").CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(output))
}

func (f *fixture) awaitOutput(service, expected string) {
	f.t.Helper()
	f.await(service+" prints "+expected, func() bool { return f.output(service) == expected })
}

func (f *fixture) report(service string) artifacts.Report {
	report, err := artifacts.ReadReport(f.volume.ServiceDir(service))
	if err != nil {
		return artifacts.Report{State: err.Error()}
	}
	return report
}

func (f *fixture) awaitFailure(service, message string) {
	f.t.Helper()
	f.await(service+" fails with "+message, func() bool {
		report := f.report(service)
		return report.State == artifacts.Failed && strings.Contains(report.Error, message)
	})
}

func (f *fixture) await(what string, condition func() bool) {
	f.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > timeout {
			f.t.Fatalf("timed out waiting for: %s; it prints %q", what, f.output(strings.Fields(what)[0]))
		}
	}
}

func (f *fixture) status() (status artifacts.Status) {
	content, err := os.ReadFile(filepath.Join(f.volume.Dir, "status.json"))
	if err == nil {
		err = json.Unmarshal(content, &status)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return status
}

// inode identifies the file of the service's program.
func (f *fixture) inode(service string) uint64 {
	info, err := os.Stat(filepath.Join(f.volume.ServiceDir(service), artifacts.ProgramFile))
	if err != nil {
		f.t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// awaitAll waits until every service is built from the initial source.
func (f *fixture) awaitAll() {
	f.t.Helper()
	f.awaitOutput("one", "one shared 1")
	f.awaitOutput("two", "two page 1 shared 1")
	f.awaitOutput("other", "another one")
	f.awaitOutput("tools", "tools 1")
	f.awaitOutput("fancy", "role argument fancy")
	f.awaitOutput("second", "role argument plain")
	f.await("one is reported", func() bool {
		for _, report := range f.status().Services {
			if report.State != artifacts.Built {
				return false
			}
		}
		return true
	})
}

func TestInitialBuild(t *testing.T) {
	f := newFixture(t)
	before := f.files()
	f.run()
	f.awaitAll()
	if f.inode("first") != f.inode("second") {
		t.Error("services with the same program have two files")
	}
	if after := f.files(); after != before {
		t.Errorf("the builder changed the source tree: got\n%s\nwant\n%s", after, before)
	}
}

// files lists the source tree.
func (f *fixture) files() string {
	var names []string
	err := filepath.WalkDir(f.source, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

func TestChangeRebuildsDependents(t *testing.T) {
	for name, polling := range map[string]string{"events": "false", "polling": "true", "auto": "auto"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.config.Polling = polling
			f.run()
			f.awaitAll()
			before := f.inode("tools")
			f.save("shared/shared.go", "package shared\n\nconst Name = \"shared 2\"\n")
			f.awaitOutput("one", "one shared 2")
			f.awaitOutput("two", "two page 1 shared 2")
			f.save("cmd/two/page.txt", "page 2")
			f.awaitOutput("two", "two page 2 shared 2")
			if f.inode("tools") != before {
				t.Error("a program was rebuilt that does not use the changed package")
			}
		})
	}
}

func TestCompileErrorKeepsProgramAndReportsLocation(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.awaitAll()
	f.save("cmd/one/main.go", "package main\n\nfunc main() { undefined() }\n")
	f.awaitFailure("one", "cmd/one/main.go:3:15: undefined: undefined")
	if f.output("one") != "one shared 1" || f.report("two").State != artifacts.Built {
		t.Error("the failed build replaced the program, or another service failed")
	}
	f.save("tools/main.go", "package main\n\nfunc main() { undefined() }\n")
	f.awaitFailure("tools", "tools/main.go:3:15: undefined: undefined")
	f.save("cmd/one/main.go", "package main\n\nfunc main() { println(\"fixed\") }\n")
	f.awaitOutput("one", "fixed")
	f.await("one is reported", func() bool { return f.report("one").State == artifacts.Built && f.report("one").Error == "" })
}

func TestErrorInSharedPackageFailsAllDependents(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.awaitAll()
	f.save("shared/shared.go", "package shared\n\nconst Name = 1 +\n")
	f.awaitFailure("one", "shared/shared.go:4:1: syntax error")
	f.awaitFailure("two", "shared/shared.go:4:1: syntax error")
	if f.report("tools").State != artifacts.Built {
		t.Error("tools failed although it does not use the package")
	}
}

func TestBrokenServiceDoesNotBlockOthers(t *testing.T) {
	f := newFixture(t)
	f.save("cmd/one/main.go", "package main\n\nimport \"shop.example/m/missing\"\n\nfunc main() { missing.Run() }\n")
	f.run()
	f.awaitFailure("one", "cmd/one/main.go:3:8: no required module provides package shop.example/m/missing")
	f.awaitOutput("two", "two page 1 shared 1")
	// The graph does not contain the missing package when it is added.
	f.save("missing/missing.go", "package missing\n\nfunc Run() { println(\"found\") }\n")
	f.awaitOutput("one", "found")
	// From now on it does.
	f.save("missing/missing.go", "package missing\n\nfunc Run() { println(\"changed\") }\n")
	f.awaitOutput("one", "changed")
}

func TestNewImportIsTracked(t *testing.T) {
	f := newFixture(t)
	f.save("extra/extra.go", "package extra\n\nconst Name = \"extra 1\"\n")
	f.run()
	f.awaitAll()
	f.save("cmd/one/main.go", "package main\n\nimport \"shop.example/m/extra\"\n\nfunc main() { println(extra.Name) }\n")
	f.awaitOutput("one", "extra 1")
	f.save("extra/extra.go", "package extra\n\nconst Name = \"extra 2\"\n")
	f.awaitOutput("one", "extra 2")
}

func TestMissingMainPackageIsBuiltWhenAdded(t *testing.T) {
	f := newFixture(t)
	f.config.Services = append(f.config.Services, Service{Name: "late", Module: ".", Main: "./cmd/late"})
	f.run()
	f.awaitFailure("late", "cmd/late: directory not found")
	f.awaitOutput("one", "one shared 1")
	f.save("cmd/late/main.go", "package main\n\nfunc main() { println(\"late\") }\n")
	f.awaitOutput("late", "late")
}

func TestSaveDuringBuildWins(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.awaitAll()
	for _, text := range []string{"2", "3", "4", "last"} {
		f.save("shared/shared.go", "package shared\n\nconst Name = \""+text+"\"\n")
		time.Sleep(120 * time.Millisecond)
	}
	f.awaitOutput("one", "one last")
	f.awaitOutput("two", "two page 1 last")
}

func TestFailedBuildIsRetriedOnRequest(t *testing.T) {
	f := newFixture(t)
	// A dangling link out of the watched tree: fixing its target causes no event, like a network that recovers.
	outside := filepath.Join(t.TempDir(), "missing.go")
	if err := os.Symlink(outside, filepath.Join(f.source, "cmd/one/linked.go")); err != nil {
		t.Fatal(err)
	}
	f.run()
	f.await("one fails", func() bool { return f.report("one").State == artifacts.Failed })
	if err := os.WriteFile(outside, []byte("package main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.retry <- syscall.SIGHUP
	f.awaitOutput("one", "one shared 1")
	f.await("one is reported", func() bool { return f.status().Services["one"].State == artifacts.Built })
	if f.status().Requests != 1 {
		t.Error("the retry request was not counted")
	}
}

func TestRestartPublishesNothing(t *testing.T) {
	f := newFixture(t)
	t.Run("first", func(t *testing.T) {
		inner := *f
		inner.t = t
		inner.run()
		inner.awaitAll()
	})
	inode := f.inode("one")
	f.run()
	f.await("one is reported", func() bool { return f.status().Services["one"].State == artifacts.Built })
	if f.inode("one") != inode {
		t.Error("an unchanged program was published: its service would restart for no reason")
	}
}

func TestRemovedServicesAreDeleted(t *testing.T) {
	f := newFixture(t)
	removed := f.volume.ServiceDir("gone")
	if err := os.MkdirAll(removed, 0o755); err != nil {
		t.Fatal(err)
	}
	f.run()
	f.awaitOutput("tools", "tools 1")
	if _, err := os.Stat(removed); !os.IsNotExist(err) {
		t.Error("the directory still exists")
	}
}

func TestReadConfigRejectsUnknownKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "builder.json")
	if err := os.WriteFile(path, []byte(`{"source": "/src", "sauce": 1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), "sauce") {
		t.Error(err)
	}
}
