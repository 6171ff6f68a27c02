// Package shelf is the folder that builder and runners share: programs, and what became of their last build.
//
// The builder writes, runners only read. Every file appears complete, by a rename.
//
//	runner                        the program that runs in each service's container
//	status.json                   what became of every service's last build
//	services/<service>/program    the executable
//	services/<service>/build.json what became of its last build
//	stage/                        where programs are built
package shelf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// What may become of a service's last build.
const (
	Waiting = "waiting"
	Built   = "built"
	Failed  = "failed"
)

// Names of files.
const (
	Program = "program"
	Build   = "build.json"
)

// A Report is what became of the last build of a service.
type Report struct {
	State string `json:"state"`
	// Words are the compiler's own when it failed.
	Words string `json:"words,omitempty"`
	// Seconds is how long the build took, Finished when it ended.
	Seconds  float64   `json:"seconds,omitempty"`
	Finished time.Time `json:"finished,omitzero"`
}

// A Status is the state of a builder: one report for each service.
type Status struct {
	// Started is when the builder did: what an earlier one wrote says nothing about the sources of now.
	Started time.Time `json:"started"`
	// Requests counts how often it was asked to try again what had failed.
	Requests int               `json:"requests"`
	Services map[string]Report `json:"services"`
}

// A Shelf is the shared folder.
type Shelf struct {
	Folder string
}

// Stage is where programs are built.
func (s Shelf) Stage() string {
	return filepath.Join(s.Folder, "stage")
}

// Service is the folder of a service.
func (s Shelf) Service(name string) string {
	return filepath.Join(s.Folder, "services", name)
}

// Prepare makes the folders for the services, and removes what is not theirs.
func (s Shelf) Prepare(services []string) error {
	wanted := map[string]bool{}
	for _, name := range services {
		wanted[name] = true
		if err := os.MkdirAll(s.Service(name), 0o755); err != nil {
			return s.unwritable(err)
		}
	}
	if err := os.MkdirAll(s.Stage(), 0o755); err != nil {
		return s.unwritable(err)
	}
	// Working folders of a go command that was killed.
	abandoned, err := filepath.Glob(filepath.Join(s.Stage(), "go-build*"))
	for _, folder := range abandoned {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(s.Folder, "services"))
	for _, entry := range entries {
		if !wanted[entry.Name()] {
			err = errors.Join(err, os.RemoveAll(s.Service(entry.Name())))
		}
	}
	return err
}

func (s Shelf) unwritable(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: user %d may not write there; remove the builder's volumes to have them made anew", err, os.Getuid())
	}
	return err
}

// Put places the executable as the service's program, and says whether it differs from the one that was there.
func (s Shelf) Put(service, executable string) (bool, error) {
	target := filepath.Join(s.Service(service), Program)
	if same(executable, target) {
		return false, nil
	}
	draft := filepath.Join(s.Service(service), ".program")
	if err := os.Remove(draft); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	// A link, not a copy: what is linked by go is moved into its place, so the file itself is never written again.
	if err := os.Link(executable, draft); err != nil {
		return false, err
	}
	return true, os.Rename(draft, target)
}

func same(one, other string) bool {
	first, err := os.Stat(one)
	if err != nil {
		return false
	}
	second, err := os.Stat(other)
	return err == nil && os.SameFile(first, second)
}

// Tell writes the report for a service's runner.
func (s Shelf) Tell(service string, report Report) error {
	return write(filepath.Join(s.Service(service), Build), report)
}

// Read says what became of the last build of the service in this folder; nothing when there was none.
func Read(folder string) (Report, error) {
	var report Report
	content, err := os.ReadFile(filepath.Join(folder, Build))
	if errors.Is(err, fs.ErrNotExist) {
		return Report{State: Waiting}, nil
	}
	if err != nil {
		return report, err
	}
	return report, json.Unmarshal(content, &report)
}

// Publish writes the status for those who ask from outside.
func (s Shelf) Publish(status Status) error {
	return write(filepath.Join(s.Folder, "status.json"), status)
}

func write(path string, value any) error {
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
