// Package supervise runs a service's program, and the next one as soon as there is one.
package supervise

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cloudlab.example/reload/internal/inotify"
	"cloudlab.example/reload/internal/shelf"
)

// What a service is doing.
const (
	Waiting = "waiting" // there is no program yet
	Running = "running"
	Crashed = "crashed" // and will be started again
)

// A State is what a service is doing, for its health check.
type State struct {
	State string    `json:"state"`
	Since time.Time `json:"since"`
	// Ends is how often the program ended by itself since it last was in order, Last how it did.
	Ends int    `json:"ends,omitempty"`
	Last string `json:"last,omitempty"`
	// Words are the compiler's, when the source as it is now cannot be built.
	Words string `json:"words,omitempty"`
}

// Options of a Supervisor.
type Options struct {
	// Folder is the service's on the shelf.
	Folder    string
	Arguments []string
	// StateFile receives the State at each change.
	StateFile string
	// Grace is how long a program that is replaced may take to end.
	Grace time.Duration
	// Pauses before a program that ended is started again; the last one counts for all further ends.
	Pauses []time.Duration
	// Stable is how long a program has to run until its earlier ends are forgotten.
	Stable         time.Duration
	Output, Errors io.Writer
}

// Defaults are the options of a service's container.
func Defaults() Options {
	return Options{
		StateFile: "/run/cloudlab/state.json",
		Grace:     3 * time.Second,
		Pauses:    []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second},
		Stable:    20 * time.Second,
		Output:    os.Stdout,
		Errors:    os.Stderr,
	}
}

// A Supervisor runs one program at a time.
type Supervisor struct {
	Options
	state  State
	child  *child
	again  <-chan time.Time
	report shelf.Report
}

// A child is a process of the program.
type child struct {
	command *exec.Cmd
	// file is the program, open: the next build takes its name.
	file    *os.File
	started time.Time
	// ended delivers the process's end once.
	ended chan error
	// kill fires when a process that was asked to end has not; nil while nobody asked.
	kill <-chan time.Time
	// successor is true when a new program waits for this one to end.
	successor bool
}

// Run supervises until a signal to end arrives on signals. Other signals go to the program. It returns the exit status.
func Run(ctx context.Context, options Options, signals <-chan os.Signal) (int, error) {
	supervisor := &Supervisor{Options: options, report: shelf.Report{State: shelf.Waiting}}
	arrivals, err := watch(ctx, options.Folder)
	if err != nil {
		return 1, fmt.Errorf("watch %s: %w", options.Folder, err)
	}
	supervisor.set(State{State: Waiting})
	supervisor.read()
	if err := supervisor.start(); err != nil {
		return 1, err
	}
	return supervisor.loop(arrivals, signals)
}

func (s *Supervisor) loop(arrivals <-chan string, signals <-chan os.Signal) (int, error) {
	for {
		select {
		case name, open := <-arrivals:
			if !open {
				return 1, errors.New("the folder of programs is no longer watched")
			}
			if name == shelf.Build {
				s.read()
			} else if err := s.replace(); err != nil {
				return 1, err
			}
		case err := <-s.ended():
			if err := s.next(err); err != nil {
				return 1, err
			}
		case <-s.again:
			if err := s.start(); err != nil {
				return 1, err
			}
		case <-s.overdue():
			s.say("it did not end within %s and is killed", s.Grace)
			_ = s.child.command.Process.Kill()
			s.child.kill = nil
		case received := <-signals:
			if received == syscall.SIGTERM || received == os.Interrupt {
				return s.stop(received, signals), nil
			}
			if s.child != nil {
				_ = s.child.command.Process.Signal(received)
			}
		}
	}
}

func (s *Supervisor) ended() <-chan error {
	if s.child == nil {
		return nil
	}
	return s.child.ended
}

func (s *Supervisor) overdue() <-chan time.Time {
	if s.child == nil {
		return nil
	}
	return s.child.kill
}

// replace ends the running program for a new one; without a running one the new one starts.
func (s *Supervisor) replace() error {
	file, err := os.Stat(s.program())
	if err != nil || (s.child != nil && s.child.runs(file)) {
		return nil //nolint:nilerr // it went away again: the next one is announced by itself
	}
	s.state.Ends, s.state.Last = 0, ""
	if s.child == nil {
		return s.start()
	}
	if s.child.successor {
		return nil // already on its way out
	}
	s.child.successor = true
	s.child.kill = time.After(s.Grace)
	_ = s.child.command.Process.Signal(syscall.SIGTERM)
	return nil
}

// next starts what follows a process that ended: its successor at once, the same program after a pause.
func (s *Supervisor) next(end error) error {
	ended := s.child
	s.child = nil
	_ = ended.file.Close()
	if ended.successor {
		return s.start()
	}
	if time.Since(ended.started) > s.Stable {
		s.state.Ends = 0
	}
	pause := s.Pauses[min(s.state.Ends, len(s.Pauses)-1)]
	how := "exit status 0"
	if end != nil {
		how = end.Error()
	}
	s.set(State{State: Crashed, Ends: s.state.Ends + 1, Last: how, Words: s.state.Words})
	s.say("the program ended by itself: %s; it is started again in %s, or as soon as it is built anew", how, pause)
	s.again = time.After(pause)
	return nil
}

// start runs the program, if there is one.
func (s *Supervisor) start() error {
	s.again = nil
	if s.child != nil {
		return nil
	}
	file, err := os.Open(s.program())
	if errors.Is(err, os.ErrNotExist) {
		s.set(State{State: Waiting, Words: s.state.Words})
		if s.report.State == shelf.Waiting {
			s.say("waiting for the first build")
		}
		return nil
	}
	if err != nil {
		return err
	}
	command, err := s.execute(file)
	if err != nil {
		s.say("the program cannot be started: %s", err)
		s.child = &child{file: file, started: time.Now()}
		return s.next(err)
	}
	s.child = &child{command: command, file: file, started: time.Now(), ended: make(chan error, 1)}
	ended := s.child.ended
	go func() { ended <- command.Wait() }()
	s.set(State{State: Running, Ends: s.state.Ends, Last: s.state.Last, Words: s.state.Words})
	return nil
}

// runs says whether the child was started from this file.
func (c *child) runs(file os.FileInfo) bool {
	own, err := c.file.Stat()
	return err == nil && os.SameFile(own, file)
}

// execute starts the process from the open file: under the program's name there may be the next build already, which would
// then be started twice. go may still be starting another process that inherits the open file for a moment, and the kernel
// refuses to run a file that somebody could write to.
func (s *Supervisor) execute(file *os.File) (*exec.Cmd, error) {
	const attempts, wait = 50, 10 * time.Millisecond
	for attempt := 1; ; attempt++ {
		command := exec.Command(s.program(), s.Arguments...)
		command.Path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
		command.Stdout, command.Stderr = s.Output, s.Errors
		err := command.Start()
		if !errors.Is(err, syscall.ETXTBSY) || attempt == attempts {
			return command, err
		}
		time.Sleep(wait)
	}
}

// stop ends the program as it was asked to, and waits for it: how long that may take is the engine's to say. A second signal
// is passed on as well.
func (s *Supervisor) stop(received os.Signal, signals <-chan os.Signal) int {
	if s.child == nil {
		return 0
	}
	_ = s.child.command.Process.Signal(received)
	for {
		select {
		case <-s.child.ended:
			return max(0, s.child.command.ProcessState.ExitCode())
		case received := <-signals:
			_ = s.child.command.Process.Signal(received)
		}
	}
}

// read takes up what became of the last build, and says it in the service's log.
func (s *Supervisor) read() {
	report, err := shelf.Read(s.Folder)
	if err != nil {
		s.say("what became of the last build cannot be read: %s", err)
		return
	}
	previous := s.report
	s.report = report
	switch {
	case report.State == shelf.Failed:
		consequence := "nothing runs until it can be"
		if s.child != nil {
			consequence = "the previous build goes on"
		} else if _, err := os.Stat(s.program()); err == nil {
			consequence = "the previous build is run"
		}
		s.say("the source cannot be built, %s:\n%s", consequence, report.Words)
	case report.State == shelf.Built && previous.State == shelf.Failed:
		s.say("the source can be built again")
	}
	s.state.Words = report.Words
	s.set(s.state)
}

func (s *Supervisor) program() string {
	return filepath.Join(s.Folder, shelf.Program)
}

// set keeps the state, with the time when it began, and hands it to the health check.
func (s *Supervisor) set(state State) {
	if state.State != s.state.State || state.Ends != s.state.Ends || state.Since.IsZero() {
		state.Since = time.Now().UTC()
	}
	s.state = state
	content, err := json.Marshal(state)
	if err == nil {
		draft := s.StateFile + ".next"
		if err = os.WriteFile(draft, content, 0o644); err == nil {
			err = os.Rename(draft, s.StateFile)
		}
	}
	if err != nil {
		s.say("the state cannot be kept for the health check: %s", err)
	}
}

// say writes to the service's log, each line marked as not the program's own.
func (s *Supervisor) say(format string, values ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, values...)) {
		fmt.Fprintln(s.Errors, "cloudlab:", strings.TrimRight(line, "\n"))
	}
}

// watch delivers the names of the files that arrive in the folder. What arrives after it returned is delivered.
func watch(ctx context.Context, folder string) (<-chan string, error) {
	watcher, err := inotify.New()
	if err != nil {
		return nil, err
	}
	if err := watcher.Add(folder, inotify.Arrivals); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	context.AfterFunc(ctx, func() { _ = watcher.Close() })
	arrivals := make(chan string, 16)
	go func() {
		defer close(arrivals)
		for {
			events, err := watcher.Read()
			if err != nil {
				return
			}
			for _, event := range events {
				if name := filepath.Base(event.Path); name == shelf.Program || name == shelf.Build {
					arrivals <- name
				}
			}
		}
	}()
	return arrivals, nil
}

// ReadState reads the state file; ok is false when there is none, because nothing is supervised here.
func ReadState(file string) (state State, ok bool, err error) {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return state, false, nil
	}
	if err != nil {
		return state, false, err
	}
	return state, true, json.Unmarshal(content, &state)
}
