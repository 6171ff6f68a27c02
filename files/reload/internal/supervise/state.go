package supervise

import (
	"encoding/json"
	"errors"
	"os"
	"time"
)

// States of a program.
const (
	Waiting = "waiting" // for its first build
	Running = "running"
	Crashed = "crashed" // to be restarted
)

// State is the state of the program, for the health check.
type State struct {
	State string    `json:"state"`
	Since time.Time `json:"since"`
	// Crashes counts how often the program exited without being asked to since it last was stable, LastExit says how.
	Crashes  int    `json:"crashes,omitempty"`
	LastExit string `json:"last_exit,omitempty"`
	// BuildError is the compiler's output if the current source fails to build.
	BuildError string `json:"build_error,omitempty"`
}

// ReadState reads the state file; ok is false if there is none because this container has no supervisor.
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

// setState stores the state and writes it to the state file for the health check.
func (s *supervisor) setState(state State) {
	if state.State != s.state.State || state.Crashes != s.state.Crashes || state.Since.IsZero() {
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
		s.log("writing the state for the health check failed: %s", err)
	}
}
