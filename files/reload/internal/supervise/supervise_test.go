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

	"cloudlab.example/reload/internal/shelf"
)

const patience = 10 * time.Second

// A log collects what program and supervisor write.
type log struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (l *log) Write(content []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(content)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// A service is a supervisor under test with its shelf.
type service struct {
	t       *testing.T
	shelf   shelf.Shelf
	log     *log
	options Options
	signals chan os.Signal
	status  chan int
	builds  int
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, shelf: shelf.Shelf{Folder: t.TempDir()}, log: &log{}, signals: make(chan os.Signal, 4), status: make(chan int, 1)}
	if err := s.shelf.Prepare([]string{"order"}); err != nil {
		t.Fatal(err)
	}
	s.options = Options{
		Folder: s.shelf.Service("order"), StateFile: filepath.Join(t.TempDir(), "state.json"),
		Grace: 300 * time.Millisecond, Pauses: []time.Duration{20 * time.Millisecond}, Stable: time.Hour,
		Output: s.log, Errors: s.log,
	}
	return s
}

// build puts a script on the shelf as the program.
func (s *service) build(script string) {
	s.t.Helper()
	s.builds++
	path := filepath.Join(s.shelf.Stage(), strings.Repeat("x", s.builds))
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.shelf.Put("order", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) run(arguments ...string) {
	s.t.Helper()
	s.options.Arguments = arguments
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status, err := Run(s.t.Context(), s.options, s.signals)
		if err != nil {
			s.log.Write([]byte("failed: " + err.Error()))
		}
		s.status <- status
	}()
	s.t.Cleanup(func() {
		s.signals <- os.Interrupt
		<-ended
	})
}

// says waits until the log holds the words.
func (s *service) says(words string) {
	s.t.Helper()
	s.await("the log says "+words, func() bool { return strings.Contains(s.log.String(), words) })
}

func (s *service) await(what string, condition func() bool) {
	s.t.Helper()
	for start := time.Now(); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Since(start) > patience {
			s.t.Fatalf("not reached: %s\n%s", what, s.log)
		}
	}
}

func (s *service) state() State {
	state, _, err := ReadState(s.options.StateFile)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

// forever is a program that ends when it is asked to.
const forever = `trap 'echo bye; exit 0' TERM; echo hello $*; while :; do sleep 0.02; done`

func TestTheFirstBuildIsAwaited(t *testing.T) {
	s := newService(t)
	s.run("with", "arguments")
	s.says("cloudlab: waiting for the first build")
	if s.state().State != Waiting {
		t.Error(s.state())
	}
	s.build(forever)
	s.says("hello with arguments")
	s.await("running", func() bool { return s.state().State == Running })
}

func TestANewProgramReplacesTheRunningOne(t *testing.T) {
	s := newService(t)
	s.build(forever)
	s.run()
	s.says("hello")
	s.build(`echo second; ` + forever)
	s.says("second")
	if !strings.Contains(s.log.String(), "bye") {
		t.Error("the first one was not asked to end")
	}
}

func TestAProgramThatDoesNotEndIsKilled(t *testing.T) {
	s := newService(t)
	s.build(`trap '' TERM; echo stubborn; while :; do sleep 0.02; done`)
	s.run()
	s.says("stubborn")
	s.build(forever)
	s.says("it did not end within 300ms and is killed")
	s.says("hello")
}

func TestOfManyNewProgramsTheLastOneRuns(t *testing.T) {
	s := newService(t)
	s.build(forever)
	s.run()
	s.says("hello")
	for _, name := range []string{"a", "b", "c", "last"} {
		s.build("echo I am " + name + "; " + forever)
	}
	s.says("I am last")
	time.Sleep(50 * time.Millisecond)
	if log := s.log.String(); strings.LastIndex(log, "I am") != strings.Index(log, "I am last") {
		t.Error(log)
	}
}

func TestACrashIsReportedAndTheProgramStartedAgain(t *testing.T) {
	s := newService(t)
	s.build(`echo panic: out of cheese; exit 3`)
	s.run()
	s.says("panic: out of cheese")
	s.says("cloudlab: the program ended by itself: exit status 3; it is started again in 20ms")
	s.await("several starts", func() bool { return s.state().Ends >= 3 })
	if state := s.state(); state.Last != "exit status 3" {
		t.Error(state)
	}
}

func TestANewProgramEndsThePauseAfterACrash(t *testing.T) {
	s := newService(t)
	s.options.Pauses = []time.Duration{time.Hour}
	s.build(`exit 1`)
	s.run()
	s.says("it is started again in 1h")
	s.build(forever)
	s.says("hello")
	s.await("running, with the crash forgotten", func() bool { return s.state().State == Running && s.state().Ends == 0 })
}

func TestABrokenSourceIsSaidAndTheProgramGoesOn(t *testing.T) {
	s := newService(t)
	s.build(forever)
	s.run()
	s.says("hello")
	words := "cmd/order/main.go:12:3: undefined: x\ncmd/order/main.go:13:3: undefined: y"
	if err := s.shelf.Tell("order", shelf.Report{State: shelf.Failed, Words: words}); err != nil {
		t.Fatal(err)
	}
	s.says("cloudlab: the source cannot be built, the previous build goes on:\n" +
		"cloudlab: cmd/order/main.go:12:3: undefined: x\ncloudlab: cmd/order/main.go:13:3: undefined: y\n")
	if state := s.state(); state.State != Running || state.Words != words {
		t.Error(state)
	}
	if err := s.shelf.Tell("order", shelf.Report{State: shelf.Built}); err != nil {
		t.Fatal(err)
	}
	s.says("cloudlab: the source can be built again")
}

func TestABrokenFirstBuildIsSaid(t *testing.T) {
	s := newService(t)
	if err := s.shelf.Tell("order", shelf.Report{State: shelf.Failed, Words: "main.go:1:1: no"}); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.says("cloudlab: the source cannot be built, nothing runs until it can be:\ncloudlab: main.go:1:1: no")
	if state := s.state(); state.State != Waiting || state.Words != "main.go:1:1: no" {
		t.Error(state)
	}
}

func TestAStopIsPassedOnAndTheExitStatusIsTheProgram(t *testing.T) {
	s := newService(t)
	s.build(`trap 'echo ending; exit 7' TERM; echo hello; while :; do sleep 0.02; done`)
	s.run()
	s.says("hello")
	s.signals <- syscall.SIGTERM
	if status := <-s.status; status != 7 {
		t.Errorf("exit status %d", status)
	}
	s.says("ending")
}

func TestOtherSignalsArePassedOn(t *testing.T) {
	s := newService(t)
	s.build(`trap 'echo reread' HUP; echo hello; while :; do sleep 0.02; done`)
	s.run()
	s.says("hello")
	s.signals <- syscall.SIGHUP
	s.says("reread")
	s.options.Grace = 0
	s.signals <- syscall.SIGKILL
}

func TestAFileThatIsNoProgramIsSaid(t *testing.T) {
	s := newService(t)
	path := filepath.Join(s.shelf.Stage(), "x")
	if err := os.WriteFile(path, []byte("nonsense"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.shelf.Put("order", path); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.says("exec format error")
}

func TestStateIsJSON(t *testing.T) {
	s := newService(t)
	s.run()
	s.says("waiting")
	content, err := os.ReadFile(s.options.StateFile)
	if err != nil || !json.Valid(content) {
		t.Errorf("%s %v", content, err)
	}
}
