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

	"cloudlab.example/reload/internal/shelf"
)

const patience = 60 * time.Second

// A bench is a builder under test, with the source tree of a small platform.
type bench struct {
	t      *testing.T
	source string
	shelf  shelf.Shelf
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

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, source: t.TempDir(), shelf: shelf.Shelf{Folder: t.TempDir()}, retry: make(chan os.Signal, 1)}
	for name, content := range shop {
		b.save(name, content)
	}
	b.config = Config{Source: b.source, Shelf: b.shelf.Folder, Polling: "auto", Services: []Service{
		{Name: "one", Module: ".", Main: "./cmd/one"},
		{Name: "two", Module: ".", Main: "cmd/two"},
		{Name: "first", Module: ".", Main: "./cmd/roles"},
		{Name: "second", Module: ".", Main: "./cmd/roles"},
		{Name: "fancy", Module: ".", Main: "./cmd/roles", Tags: []string{"fancy"}},
		{Name: "tools", Module: "tools", Main: "."},
		{Name: "other", Module: ".", Main: "./other/one"},
	}}
	return b
}

// run starts the builder; the test ends when it has ended.
func (b *bench) run() {
	b.t.Helper()
	var log bytes.Buffer
	slog.SetDefault(slog.New(slog.NewJSONHandler(&log, nil)))
	ctx, stop := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, b.config, b.retry, func() error { return nil }) }()
	b.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.t.Errorf("the builder failed: %v", err)
		}
		if b.t.Failed() {
			b.t.Log(log.String())
		}
	})
}

func (b *bench) save(name, content string) {
	b.t.Helper()
	path := filepath.Join(b.source, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// answer is what the service's program prints.
func (b *bench) answer(service string) string {
	output, err := exec.Command(filepath.Join(b.shelf.Service(service), shelf.Program), "argument").CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(output))
}

func (b *bench) answers(service, expected string) {
	b.t.Helper()
	b.await(service+" answers "+expected, func() bool { return b.answer(service) == expected })
}

func (b *bench) report(service string) shelf.Report {
	report, err := shelf.Read(b.shelf.Service(service))
	if err != nil {
		return shelf.Report{State: err.Error()}
	}
	return report
}

func (b *bench) fails(service, words string) {
	b.t.Helper()
	b.await(service+" fails with "+words, func() bool {
		report := b.report(service)
		return report.State == shelf.Failed && strings.Contains(report.Words, words)
	})
}

func (b *bench) await(what string, condition func() bool) {
	b.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > patience {
			b.t.Fatalf("not reached: %s; it answers %q", what, b.answer(strings.Fields(what)[0]))
		}
	}
}

func (b *bench) status() (status shelf.Status) {
	content, err := os.ReadFile(filepath.Join(b.shelf.Folder, "status.json"))
	if err == nil {
		err = json.Unmarshal(content, &status)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return status
}

func (b *bench) number(service string) uint64 {
	info, err := os.Stat(filepath.Join(b.shelf.Service(service), shelf.Program))
	if err != nil {
		b.t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func (b *bench) built() {
	b.t.Helper()
	b.answers("one", "one shared 1")
	b.answers("two", "two page 1 shared 1")
	b.answers("other", "another one")
	b.answers("tools", "tools 1")
	b.answers("fancy", "role argument fancy")
	b.answers("second", "role argument plain")
	b.await("one is reported", func() bool {
		for _, report := range b.status().Services {
			if report.State != shelf.Built {
				return false
			}
		}
		return true
	})
}

func TestEverythingIsBuiltAtFirst(t *testing.T) {
	b := newBench(t)
	before := b.files()
	b.run()
	b.built()
	if b.number("first") != b.number("second") {
		t.Error("services of one program have two")
	}
	if after := b.files(); after != before {
		t.Errorf("the source tree was written to:\n%s\ninstead of\n%s", after, before)
	}
}

// files lists the source tree.
func (b *bench) files() string {
	var names []string
	err := filepath.WalkDir(b.source, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, path)
		return err
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(names, "\n")
}

func TestAChangeRebuildsWhatUsesIt(t *testing.T) {
	for name, polling := range map[string]string{"events": "false", "polling": "true", "what fits": "auto"} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.config.Polling = polling
			b.run()
			b.built()
			untouched := b.number("tools")
			b.save("shared/shared.go", "package shared\n\nconst Name = \"shared 2\"\n")
			b.answers("one", "one shared 2")
			b.answers("two", "two page 1 shared 2")
			b.save("cmd/two/page.txt", "page 2")
			b.answers("two", "two page 2 shared 2")
			if b.number("tools") != untouched {
				t.Error("a program was built anew that does not use what changed")
			}
		})
	}
}

func TestACompileErrorKeepsTheProgramAndNamesThePlace(t *testing.T) {
	b := newBench(t)
	b.run()
	b.built()
	b.save("cmd/one/main.go", "package main\n\nfunc main() { undefined() }\n")
	b.fails("one", "cmd/one/main.go:3:15: undefined: undefined")
	if b.answer("one") != "one shared 1" || b.report("two").State != shelf.Built {
		t.Error("more than the reason changed")
	}
	b.save("tools/main.go", "package main\n\nfunc main() { undefined() }\n")
	b.fails("tools", "tools/main.go:3:15: undefined: undefined")
	b.save("cmd/one/main.go", "package main\n\nfunc main() { println(\"mended\") }\n")
	b.answers("one", "mended")
	b.await("one is reported", func() bool { return b.report("one").State == shelf.Built && b.report("one").Words == "" })
}

func TestAnErrorInASharedPackageIsReportedByEachServiceThatUsesIt(t *testing.T) {
	b := newBench(t)
	b.run()
	b.built()
	b.save("shared/shared.go", "package shared\n\nconst Name = 1 +\n")
	b.fails("one", "shared/shared.go:4:1: syntax error")
	b.fails("two", "shared/shared.go:4:1: syntax error")
	if b.report("tools").State != shelf.Built {
		t.Error("tools does not use it")
	}
}

func TestABrokenServiceDoesNotKeepOthersFromTheirFirstBuild(t *testing.T) {
	b := newBench(t)
	b.save("cmd/one/main.go", "package main\n\nimport \"shop.example/m/missing\"\n\nfunc main() { missing.Run() }\n")
	b.run()
	b.fails("one", "cmd/one/main.go:3:8: no required module provides package shop.example/m/missing")
	b.answers("two", "two page 1 shared 1")
	// The package that it asks for comes later; nothing in the graph tells that.
	b.save("missing/missing.go", "package missing\n\nfunc Run() { println(\"found\") }\n")
	b.answers("one", "found")
	// And it is known from now on.
	b.save("missing/missing.go", "package missing\n\nfunc Run() { println(\"changed\") }\n")
	b.answers("one", "changed")
}

func TestANewImportIsFollowed(t *testing.T) {
	b := newBench(t)
	b.save("extra/extra.go", "package extra\n\nconst Name = \"extra 1\"\n")
	b.run()
	b.built()
	b.save("cmd/one/main.go", "package main\n\nimport \"shop.example/m/extra\"\n\nfunc main() { println(extra.Name) }\n")
	b.answers("one", "extra 1")
	b.save("extra/extra.go", "package extra\n\nconst Name = \"extra 2\"\n")
	b.answers("one", "extra 2")
}

func TestAMissingMainPackageIsReportedAndFoundLater(t *testing.T) {
	b := newBench(t)
	b.config.Services = append(b.config.Services, Service{Name: "late", Module: ".", Main: "./cmd/late"})
	b.run()
	b.fails("late", "cmd/late: directory not found")
	b.answers("one", "one shared 1")
	b.save("cmd/late/main.go", "package main\n\nfunc main() { println(\"late\") }\n")
	b.answers("late", "late")
}

func TestASaveDuringABuildWins(t *testing.T) {
	b := newBench(t)
	b.run()
	b.built()
	for _, text := range []string{"2", "3", "4", "last"} {
		b.save("shared/shared.go", "package shared\n\nconst Name = \""+text+"\"\n")
		time.Sleep(120 * time.Millisecond)
	}
	b.answers("one", "one last")
	b.answers("two", "two page 1 last")
}

func TestWhatFailedIsTriedAgainOnRequest(t *testing.T) {
	b := newBench(t)
	// A link to nowhere outside of what is watched: mending it is not seen, as a network that comes back is not.
	outside := filepath.Join(t.TempDir(), "missing.go")
	if err := os.Symlink(outside, filepath.Join(b.source, "cmd/one/linked.go")); err != nil {
		t.Fatal(err)
	}
	b.run()
	b.await("one fails", func() bool { return b.report("one").State == shelf.Failed })
	if err := os.WriteFile(outside, []byte("package main\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.retry <- syscall.SIGHUP
	b.answers("one", "one shared 1")
	b.await("one is reported", func() bool { return b.status().Services["one"].State == shelf.Built })
	if b.status().Requests != 1 {
		t.Error("the request is not counted")
	}
}

func TestARestartHandsNothingOnAnew(t *testing.T) {
	b := newBench(t)
	t.Run("first", func(t *testing.T) {
		inner := *b
		inner.t = t
		inner.run()
		inner.built()
	})
	number := b.number("one")
	b.run()
	b.await("one is reported", func() bool { return b.status().Services["one"].State == shelf.Built })
	if b.number("one") != number {
		t.Error("an unchanged program was handed on: its service would restart for nothing")
	}
}

func TestServicesThatAreGoneLeaveTheShelf(t *testing.T) {
	b := newBench(t)
	gone := b.shelf.Service("gone")
	if err := os.MkdirAll(gone, 0o755); err != nil {
		t.Fatal(err)
	}
	b.run()
	b.answers("tools", "tools 1")
	if _, err := os.Stat(gone); !os.IsNotExist(err) {
		t.Error("it is still there")
	}
}

func TestAConfigurationWithAnUnknownKeyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "builder.json")
	if err := os.WriteFile(path, []byte(`{"source": "/src", "sauce": 1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(path); err == nil || !strings.Contains(err.Error(), "sauce") {
		t.Error(err)
	}
}
