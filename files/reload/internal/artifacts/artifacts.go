// Package artifacts is the volume that the builder shares with the runners: programs and build reports.
//
// The builder writes, the runners only read. Every file appears complete, by a rename.
//
//	runner                        the program that runs in each service's container
//	status.json                   the last build report of every service
//	services/<service>/program    the executable
//	services/<service>/build.json the service's last build report
//	stage/                        build outputs before they are published
package artifacts

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// States of a service's build.
const (
	Waiting = "waiting"
	Built   = "built"
	Failed  = "failed"
)

// Names of the files in a service's directory.
const (
	ProgramFile = "program"
	ReportFile  = "build.json"
)

// Report is the result of a service's last build.
type Report struct {
	State string `json:"state"`
	// Error is the compiler's output if the build failed.
	Error string `json:"error,omitempty"`
	// Seconds is the duration of the build, Finished its end.
	Seconds  float64   `json:"seconds,omitempty"`
	Finished time.Time `json:"finished,omitzero"`
}

// Status is the state of a builder: one report per service.
type Status struct {
	// Started is when this builder started: a status of an earlier one does not describe the current sources.
	Started time.Time `json:"started"`
	// Requests counts the requests to retry failed builds.
	Requests int               `json:"requests"`
	Services map[string]Report `json:"services"`
}

// Volume is the shared directory tree.
type Volume struct {
	Dir string
}

// StagingDir returns the directory that programs are built in.
func (v Volume) StagingDir() string {
	return filepath.Join(v.Dir, "stage")
}

// ServiceDir returns the directory of a service.
func (v Volume) ServiceDir(name string) string {
	return filepath.Join(v.Dir, "services", name)
}

// Prepare creates the directories of the services, and removes those of other services and abandoned build directories.
func (v Volume) Prepare(services []string) error {
	known := map[string]bool{}
	for _, name := range services {
		known[name] = true
		if err := os.MkdirAll(v.ServiceDir(name), 0o755); err != nil {
			return explainPermission(err)
		}
	}
	if err := os.MkdirAll(v.StagingDir(), 0o755); err != nil {
		return explainPermission(err)
	}
	// Working directories of a go command that was killed.
	abandoned, err := filepath.Glob(filepath.Join(v.StagingDir(), "go-build*"))
	for _, dir := range abandoned {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(v.Dir, "services"))
	for _, entry := range entries {
		if !known[entry.Name()] {
			err = errors.Join(err, os.RemoveAll(v.ServiceDir(entry.Name())))
		}
	}
	return err
}

func explainPermission(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: user %d has no write permission. Remove the builder's volumes; the next run recreates them", err, os.Getuid())
	}
	return err
}

// Publish makes the executable the service's program, and reports whether it differs from the previous one.
func (v Volume) Publish(service, executable string) (bool, error) {
	target := filepath.Join(v.ServiceDir(service), ProgramFile)
	if sameFile(executable, target) {
		return false, nil
	}
	draft := filepath.Join(v.ServiceDir(service), ".program")
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	// A link, not a copy: go replaces its output by a rename and never writes to the file again.
	if err := os.Link(executable, draft); err != nil {
		return false, err
	}
	return true, os.Rename(draft, target)
}

func sameFile(a, b string) bool {
	infoA, err := os.Stat(a)
	if err != nil {
		return false
	}
	infoB, err := os.Stat(b)
	return err == nil && os.SameFile(infoA, infoB)
}

// WriteReport stores the report for the service's runner.
func (v Volume) WriteReport(service string, report Report) error {
	return writeJSON(filepath.Join(v.ServiceDir(service), ReportFile), report)
}

// ReadReport reads the report in a service's directory. Without a report the service is waiting for its first build.
func ReadReport(serviceDir string) (Report, error) {
	var report Report
	content, err := os.ReadFile(filepath.Join(serviceDir, ReportFile))
	if errors.Is(err, fs.ErrNotExist) {
		return Report{State: Waiting}, nil
	}
	if err != nil {
		return report, err
	}
	return report, json.Unmarshal(content, &report)
}

// WriteStatus stores the status for readers outside of the services' containers.
func (v Volume) WriteStatus(status Status) error {
	return writeJSON(filepath.Join(v.Dir, "status.json"), status)
}

func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	draft := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(draft, append(content, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(draft, path)
}
