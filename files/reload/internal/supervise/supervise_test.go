package supervise

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cloudlab.example/reload/internal/artifacts"
)

const timeout = 10 * time.Second

// logBuffer collects the output of program and supervisor.
type logBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *logBuffer) Write(content []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(content)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// fixture is a supervisor under test with its artifacts volume.
type fixture struct {
	t       *testing.T
	volume  artifacts.Volume
	log     *logBuffer
	options Options
	signals chan os.Signal
	status  chan int
	builds  int
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		t: t, volume: artifacts.Volume{Dir: t.TempDir()}, log: &logBuffer{},
		signals: make(chan os.Signal, 4), status: make(chan int, 1),
	}
	if err := f.volume.Prepare([]string{"order"}); err != nil {
		t.Fatal(err)
	}
	f.options = Options{
		Dir: f.volume.ServiceDir("order"), StateFile: filepath.Join(t.TempDir(), "state.json"),
		StopTimeout: 300 * time.Millisecond, Backoff: []time.Duration{20 * time.Millisecond}, Stable: time.Hour,
		Stdout: f.log, Stderr: f.log,
	}
	return f
}

// publish makes a script the service's program.
func (f *fixture) publish(script string) {
	f.t.Helper()
	f.builds++
	path := filepath.Join(f.volume.StagingDir(), strings.Repeat("x", f.builds))
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if _, err := f.volume.Publish("order", path); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) run(arguments ...string) {
	f.t.Helper()
	f.options.Arguments = arguments
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status, err := Run(f.t.Context(), f.options, f.signals)
		if err != nil {
			f.log.Write([]byte("failed: " + err.Error()))
		}
		f.status <- status
	}()
	f.t.Cleanup(func() {
		f.signals <- os.Interrupt
		<-ended
	})
}

// awaitLog waits until the log contains the text.
func (f *fixture) awaitLog(text string) {
	f.t.Helper()
	f.await("the log contains "+text, func() bool { return strings.Contains(f.log.String(), text) })
}

func (f *fixture) await(what string, condition func() bool) {
	f.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > timeout {
			f.t.Fatalf("timed out waiting for: %s\n%s", what, f.log)
		}
	}
}

func (f *fixture) state() State {
	state, _, err := ReadState(f.options.StateFile)
	if err != nil {
		f.t.Fatal(err)
	}
	return state
}

// loop is the body of a program that runs until it is stopped. It exits when the test process has died, which otherwise would
// leave it behind.
const loop = `while kill -0 "$PPID" 2>/dev/null; do sleep 0.02; done`

// stoppable is a program that exits on SIGTERM.
const stoppable = `trap 'echo bye; exit 0' TERM; echo hello $*; ` + loop

func TestWaitsForFirstBuild(t *testing.T) {
	f := newFixture(t)
	f.run("with", "arguments")
	f.awaitLog("cloudlab: waiting for the first build")
	if f.state().State != Waiting {
		t.Error(f.state())
	}
	f.publish(stoppable)
	f.awaitLog("hello with arguments")
	f.await("running", func() bool { return f.state().State == Running })
}

func TestNewProgramReplacesRunningOne(t *testing.T) {
	f := newFixture(t)
	f.publish(stoppable)
	f.run()
	f.awaitLog("hello")
	f.publish(`echo second; ` + stoppable)
	f.awaitLog("second")
	if !strings.Contains(f.log.String(), "bye") {
		t.Error("the first program was not stopped")
	}
}

func TestProgramThatDoesNotStopIsKilled(t *testing.T) {
	f := newFixture(t)
	f.publish(`trap '' TERM; echo stubborn; ` + loop)
	f.run()
	f.awaitLog("stubborn")
	f.publish(stoppable)
	f.awaitLog("cloudlab: the program did not stop within 300 ms, killed")
	f.awaitLog("hello")
}

func TestLatestOfManyProgramsRuns(t *testing.T) {
	f := newFixture(t)
	f.publish(stoppable)
	f.run()
	f.awaitLog("hello")
	for _, name := range []string{"a", "b", "c", "last"} {
		f.publish("echo I am " + name + "; " + stoppable)
	}
	f.awaitLog("I am last")
	time.Sleep(50 * time.Millisecond)
	if log := f.log.String(); strings.LastIndex(log, "I am") != strings.Index(log, "I am last") {
		t.Error(log)
	}
}

func TestCrashedProgramIsRestarted(t *testing.T) {
	f := newFixture(t)
	f.publish(`echo panic: out of cheese; exit 3`)
	f.run()
	f.awaitLog("panic: out of cheese")
	f.awaitLog("cloudlab: the program exited: exit status 3. Restarting in 20 ms (or on the next build)")
	f.await("three crashes", func() bool { return f.state().Crashes >= 3 })
	if state := f.state(); state.LastExit != "exit status 3" {
		t.Error(state)
	}
}

func TestNewProgramEndsBackoff(t *testing.T) {
	f := newFixture(t)
	f.options.Backoff = []time.Duration{time.Hour}
	f.publish(`exit 1`)
	f.run()
	f.awaitLog("Restarting in 3600 s")
	f.publish(stoppable)
	f.awaitLog("hello")
	f.await("running without crashes", func() bool { return f.state().State == Running && f.state().Crashes == 0 })
}

func TestFailedBuildKeepsPreviousProgramRunning(t *testing.T) {
	f := newFixture(t)
	f.publish(stoppable)
	f.run()
	f.awaitLog("hello")
	output := "cmd/order/main.go:12:3: undefined: x\ncmd/order/main.go:13:3: undefined: y"
	if err := f.volume.WriteReport("order", artifacts.Report{State: artifacts.Failed, Error: output}); err != nil {
		t.Fatal(err)
	}
	f.awaitLog("cloudlab: build failed, keeping the previous build running:\n" +
		"cloudlab: cmd/order/main.go:12:3: undefined: x\ncloudlab: cmd/order/main.go:13:3: undefined: y\n")
	if state := f.state(); state.State != Running || state.BuildError != output {
		t.Error(state)
	}
	if err := f.volume.WriteReport("order", artifacts.Report{State: artifacts.Built}); err != nil {
		t.Fatal(err)
	}
	f.awaitLog("cloudlab: build succeeded again")
}

func TestFailedFirstBuildIsLogged(t *testing.T) {
	f := newFixture(t)
	if err := f.volume.WriteReport("order", artifacts.Report{State: artifacts.Failed, Error: "main.go:1:1: no"}); err != nil {
		t.Fatal(err)
	}
	f.run()
	f.awaitLog("cloudlab: build failed, the service starts when it succeeds:\ncloudlab: main.go:1:1: no")
	if state := f.state(); state.State != Waiting || state.BuildError != "main.go:1:1: no" {
		t.Error(state)
	}
}

func TestStopForwardsSignalAndExitStatus(t *testing.T) {
	f := newFixture(t)
	f.publish(`trap 'echo ending; exit 7' TERM; echo hello; ` + loop)
	f.run()
	f.awaitLog("hello")
	f.signals <- syscall.SIGTERM
	if status := <-f.status; status != 7 {
		t.Errorf("exit status %d", status)
	}
	f.awaitLog("ending")
}

func TestOtherSignalsAreForwarded(t *testing.T) {
	f := newFixture(t)
	f.publish(`trap 'echo reread' HUP; echo hello; ` + loop)
	f.run()
	f.awaitLog("hello")
	f.signals <- syscall.SIGHUP
	f.awaitLog("reread")
	f.options.StopTimeout = 0
	f.signals <- syscall.SIGKILL
}

func TestInvalidExecutableIsLogged(t *testing.T) {
	f := newFixture(t)
	path := filepath.Join(f.volume.StagingDir(), "x")
	if err := os.WriteFile(path, []byte("nonsense"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := f.volume.Publish("order", path); err != nil {
		t.Fatal(err)
	}
	f.run()
	f.awaitLog("exec format error")
}

func TestStateFileIsJSON(t *testing.T) {
	f := newFixture(t)
	f.run()
	f.awaitLog("waiting")
	content, err := os.ReadFile(f.options.StateFile)
	if err != nil || !json.Valid(content) {
		t.Errorf("%s %v", content, err)
	}
}
