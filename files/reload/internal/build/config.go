package build

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"cloudlab.example/reload/internal/graph"
	"cloudlab.example/reload/internal/watch"
)

// Config is the builder's configuration file.
type Config struct {
	// Source is the tree that is watched; it is only read.
	Source string `json:"source"`
	// Artifacts is the directory shared with the runners.
	Artifacts string    `json:"artifacts"`
	Services  []Service `json:"services"`
	// Polling is "true", "false", or "auto": poll only if the file system does not report all changes.
	Polling string `json:"polling"`
}

// Service locates the main package of a service.
type Service struct {
	Name   string   `json:"name"`
	Module string   `json:"module"`
	Main   string   `json:"main"`
	Tags   []string `json:"tags"`
}

// ReadConfig reads the configuration file.
func ReadConfig(path string) (Config, error) {
	var config Config
	content, err := os.ReadFile(path)
	if err != nil {
		return config, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&config); err != nil {
		return config, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}

// Targets returns the programs of the services. Services with the same main package and tags share one.
func (c Config) Targets() ([]graph.Target, error) {
	var targets []graph.Target
	indexes := map[string]int{}
	for _, service := range c.Services {
		target, err := graph.NewTarget(c.Source, service.Module, service.Main, service.Tags)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", service.Name, err)
		}
		index, known := indexes[target.Key()]
		if !known {
			index = len(targets)
			indexes[target.Key()], targets = index, append(targets, target)
		}
		targets[index].Services = append(targets[index].Services, service.Name)
	}
	return targets, nil
}

// polls reports whether to poll the tree instead of waiting for file events.
func (c Config) polls() (bool, error) {
	if c.Polling != "auto" {
		return strconv.ParseBool(c.Polling)
	}
	kind, unreliable, err := watch.UnreliableEvents(c.Source)
	if unreliable {
		slog.Info("polling the source tree: this file system does not report all changes", "file_system", kind)
	}
	return unreliable, err
}
