// Package cgroup reads the memory limit and the OOM kill counter of this container.
package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Root is the mount point of cgroups in a container.
const Root = "/sys/fs/cgroup"

// unlimited is the lowest value that means "no limit" in cgroup v1, where the kernel reports the maximum number of pages.
const unlimited = 1 << 62

// Memory is the memory controller below Root, of cgroup v1 or v2.
type Memory struct {
	Root string
}

// Files of the controller in v2 and v1.
var (
	limitFiles = []string{"memory.max", "memory/memory.limit_in_bytes"}
	eventFiles = []string{"memory.events", "memory/memory.oom_control"}
)

// Limit returns the memory limit in bytes, or 0 if there is none or it is unknown.
func (m Memory) Limit() int64 {
	limit, err := strconv.ParseInt(strings.TrimSpace(m.read(limitFiles)), 10, 64)
	if err != nil || limit >= unlimited {
		return 0
	}
	return limit
}

// Kills returns how many processes the kernel killed because memory ran out.
func (m Memory) Kills() int64 {
	for line := range strings.Lines(m.read(eventFiles)) {
		if count, found := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); found {
			kills, _ := strconv.ParseInt(count, 10, 64)
			return kills
		}
	}
	return 0
}

// read returns the content of the first of these files that exists.
func (m Memory) read(names []string) string {
	for _, name := range names {
		if content, err := os.ReadFile(filepath.Join(m.Root, name)); err == nil {
			return string(content)
		}
	}
	return ""
}

// FormatSize formats a limit, for example as 1.5 GiB.
func FormatSize(bytes int64) string {
	if bytes == 0 {
		return "none"
	}
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
