// Package supervise runs a service's program and replaces it when the builder publishes a new one.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"cloudlab.example/reload/internal/artifacts"
	"cloudlab.example/reload/internal/inotify"
)

// Options configure a supervisor.
type Options struct {
	// Dir is the service's directory in the artifacts volume.
	Dir       string
	Arguments []string
	// StateFile receives the State at each change.
	StateFile string
	// StopTimeout is how long a program that is replaced may take to exit.
	StopTimeout time.Duration
	// Backoff are the delays before a crashed program is restarted; the last one repeats.
	Backoff []time.Duration
	// Stable is how long a program has to run until its crash count is reset.
	Stable         time.Duration
	Stdout, Stderr io.Writer
}

// DefaultOptions returns the options of a service's container.
func DefaultOptions() Options {
	return Options{
		StateFile:   "/run/cloudlab/state.json",
		StopTimeout: 3 * time.Second,
		Backoff:     []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second},
		Stable:      20 * time.Second,
		Stdout:      os.Stdout,
		Stderr:      os.Stderr,
	}
}

// supervisor runs one program at a time.
type supervisor struct {
	Options
	state   State
	process *process
	restart <-chan time.Time
	report  artifacts.Report
}

// process is a running program.
type process struct {
	command *exec.Cmd
	// file is the executable, kept open because the next build replaces the file of its name.
	file    *os.File
	started time.Time
	// exited delivers the result of Wait once.
	exited chan error
	// kill fires when the process did not stop in time; nil unless it was asked to stop.
	kill <-chan time.Time
	// replaced is true if a new program starts when this one exits.
	replaced bool
}

// Run supervises the program until it receives SIGTERM or SIGINT on signals. It forwards other signals to the program. It
// returns the exit status.
func Run(ctx context.Context, options Options, signals <-chan os.Signal) (int, error) {
	s := &supervisor{Options: options, report: artifacts.Report{State: artifacts.Waiting}}
	published, err := watch(ctx, options.Dir)
	if err != nil {
		return 1, fmt.Errorf("watch %s: %w", options.Dir, err)
	}
	s.setState(State{State: Waiting})
	s.readReport()
	if err := s.start(); err != nil {
		return 1, err
	}
	return s.loop(published, signals)
}

func (s *supervisor) loop(published <-chan string, signals <-chan os.Signal) (int, error) {
	for {
		select {
		case name, open := <-published:
			if !open {
				return 1, fmt.Errorf("watching %s ended unexpectedly", s.Dir)
			}
			if name == artifacts.ReportFile {
				s.readReport()
			} else if err := s.replace(); err != nil {
				return 1, err
			}
		case err := <-s.exited():
			if err := s.handleExit(err); err != nil {
				return 1, err
			}
		case <-s.restart:
			if err := s.start(); err != nil {
				return 1, err
			}
		case <-s.killTimer():
			s.log("the program did not stop within %s, killed", formatDuration(s.StopTimeout))
			_ = s.process.command.Process.Kill()
			s.process.kill = nil
		case received := <-signals:
			if received == syscall.SIGTERM || received == os.Interrupt {
				return s.stop(received, signals), nil
			}
			if s.process != nil {
				_ = s.process.command.Process.Signal(received)
			}
		}
	}
}

func (s *supervisor) exited() <-chan error {
	if s.process == nil {
		return nil
	}
	return s.process.exited
}

func (s *supervisor) killTimer() <-chan time.Time {
	if s.process == nil {
		return nil
	}
	return s.process.kill
}

// replace stops the running program for a new one, or starts the new one if none is running.
func (s *supervisor) replace() error {
	file, err := os.Stat(s.program())
	if err != nil || (s.process != nil && s.process.runs(file)) {
		return nil //nolint:nilerr // it was replaced again: another event follows
	}
	s.state.Crashes, s.state.LastExit = 0, ""
	if s.process == nil {
		return s.start()
	}
	if s.process.replaced {
		return nil // already stopping
	}
	s.process.replaced = true
	s.process.kill = time.After(s.StopTimeout)
	_ = s.process.command.Process.Signal(syscall.SIGTERM)
	return nil
}

// handleExit starts a new program at once, and schedules the restart of a crashed one.
func (s *supervisor) handleExit(result error) error {
	exited := s.process
	s.process = nil
	_ = exited.file.Close()
	if exited.replaced {
		return s.start()
	}
	if time.Since(exited.started) > s.Stable {
		s.state.Crashes = 0
	}
	delay := s.Backoff[min(s.state.Crashes, len(s.Backoff)-1)]
	exit := "exit status 0"
	if result != nil {
		exit = result.Error()
	}
	s.setState(State{State: Crashed, Crashes: s.state.Crashes + 1, LastExit: exit, BuildError: s.state.BuildError})
	s.log("the program exited: %s. Restarting in %s (or on the next build)", exit, formatDuration(delay))
	s.restart = time.After(delay)
	return nil
}

// start runs the program, if there is one.
func (s *supervisor) start() error {
	s.restart = nil
	if s.process != nil {
		return nil
	}
	file, err := os.Open(s.program())
	if errors.Is(err, os.ErrNotExist) {
		s.setState(State{State: Waiting, BuildError: s.state.BuildError})
		if s.report.State == artifacts.Waiting {
			s.log("waiting for the first build")
		}
		return nil
	}
	if err != nil {
		return err
	}
	command, err := s.execute(file)
	if err != nil {
		s.log("starting the program failed: %s", err)
		s.process = &process{file: file, started: time.Now()}
		return s.handleExit(err)
	}
	s.process = &process{command: command, file: file, started: time.Now(), exited: make(chan error, 1)}
	exited := s.process.exited
	go func() { exited <- command.Wait() }()
	s.setState(State{State: Running, Crashes: s.state.Crashes, LastExit: s.state.LastExit, BuildError: s.state.BuildError})
	return nil
}

// runs reports whether the process was started from this file.
func (p *process) runs(file os.FileInfo) bool {
	own, err := p.file.Stat()
	return err == nil && os.SameFile(own, file)
}

// execute starts the process from the open file, because the file of that name may be the next build already, which would
// then start twice. It retries on ETXTBSY: go may be starting another process that inherits the linker's open file for a
// moment, and the kernel does not execute a file that is open for writing.
func (s *supervisor) execute(file *os.File) (*exec.Cmd, error) {
	const attempts, wait = 50, 10 * time.Millisecond
	for attempt := 1; ; attempt++ {
		command := exec.Command(s.program(), s.Arguments...)
		command.Path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), file.Fd())
		command.Stdout, command.Stderr = s.Stdout, s.Stderr
		err := command.Start()
		if !errors.Is(err, syscall.ETXTBSY) || attempt == attempts {
			return command, err
		}
		time.Sleep(wait)
	}
}

// stop forwards the signal and waits until the program exits. The engine limits how long that may take. Further signals are
// forwarded too.
func (s *supervisor) stop(received os.Signal, signals <-chan os.Signal) int {
	if s.process == nil {
		return 0
	}
	_ = s.process.command.Process.Signal(received)
	for {
		select {
		case <-s.process.exited:
			return max(0, s.process.command.ProcessState.ExitCode())
		case received := <-signals:
			_ = s.process.command.Process.Signal(received)
		}
	}
}

// readReport reads the last build report and logs a failure or its end.
func (s *supervisor) readReport() {
	report, err := artifacts.ReadReport(s.Dir)
	if err != nil {
		s.log("reading the build report failed: %s", err)
		return
	}
	previous := s.report
	s.report = report
	switch {
	case report.State == artifacts.Failed:
		consequence := "the service starts when it succeeds"
		if s.process != nil {
			consequence = "keeping the previous build running"
		} else if _, err := os.Stat(s.program()); err == nil {
			consequence = "running the previous build"
		}
		s.log("build failed, %s:\n%s", consequence, report.Error)
	case report.State == artifacts.Built && previous.State == artifacts.Failed:
		s.log("build succeeded again")
	}
	s.state.BuildError = report.Error
	s.setState(s.state)
}

func (s *supervisor) program() string {
	return filepath.Join(s.Dir, artifacts.ProgramFile)
}

// log writes to the service's log, with a prefix that distinguishes its lines from the program's.
func (s *supervisor) log(format string, values ...any) {
	for line := range strings.Lines(fmt.Sprintf(format, values...)) {
		fmt.Fprintln(s.Stderr, "cloudlab:", strings.TrimRight(line, "\n"))
	}
}

// formatDuration formats a delay, for example as 500 ms or 2 s.
func formatDuration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%g s", d.Seconds())
}

// watch delivers the name of each program and report that is published in dir after watch has returned.
func watch(ctx context.Context, dir string) (<-chan string, error) {
	watcher, err := inotify.New()
	if err != nil {
		return nil, err
	}
	if err := watcher.Add(dir, inotify.Renames); err != nil {
		return nil, errors.Join(err, watcher.Close())
	}
	context.AfterFunc(ctx, func() { _ = watcher.Close() })
	published := make(chan string, 16)
	go func() {
		defer close(published)
		for {
			events, err := watcher.Read()
			if err != nil {
				return
			}
			for _, event := range events {
				if name := filepath.Base(event.Path); name == artifacts.ProgramFile || name == artifacts.ReportFile {
					published <- name
				}
			}
		}
	}()
	return published, nil
}
