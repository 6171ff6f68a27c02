// Package cgroup reads what the kernel says about the memory of this container.
package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Root is where the cgroups are mounted in a container.
const Root = "/sys/fs/cgroup"

// unlimited is the least value that stands for "no limit" in version 1: the largest number of whole pages.
const unlimited = 1 << 62

// Memory is the memory controller below a mount point of cgroups, of version 1 or 2.
type Memory struct {
	Root string
}

// files of the controller in both versions.
var (
	limitFiles = []string{"memory.max", "memory/memory.limit_in_bytes"}
	eventFiles = []string{"memory.events", "memory/memory.oom_control"}
)

// Limit is how much memory the container may have, in bytes; 0 when there is no limit or none is known.
func (m Memory) Limit() int64 {
	limit, err := strconv.ParseInt(strings.TrimSpace(m.read(limitFiles)), 10, 64)
	if err != nil || limit >= unlimited {
		return 0
	}
	return limit
}

// Kills counts the processes of the container that the kernel killed because memory ran out.
func (m Memory) Kills() int64 {
	for line := range strings.Lines(m.read(eventFiles)) {
		if count, found := strings.CutPrefix(strings.TrimSpace(line), "oom_kill "); found {
			kills, _ := strconv.ParseInt(count, 10, 64)
			return kills
		}
	}
	return 0
}

// read is the content of the first of these files that exists.
func (m Memory) read(names []string) string {
	for _, name := range names {
		if content, err := os.ReadFile(filepath.Join(m.Root, name)); err == nil {
			return string(content)
		}
	}
	return ""
}

// Size is a limit for people, for example 1.5 GiB.
func Size(octets int64) string {
	if octets == 0 {
		return "none"
	}
	if octets < 1<<30 {
		return fmt.Sprintf("%d MiB", octets>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(octets)/(1<<30))
}
