package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

// controller returns a memory controller with these files, by their path below the mount point.
func controller(t *testing.T, files map[string]string) Memory {
	t.Helper()
	memory := Memory{Root: t.TempDir()}
	for name, content := range files {
		path := filepath.Join(memory.Root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return memory
}

func TestLimitAndKills(t *testing.T) {
	for name, sample := range map[string]struct {
		files        map[string]string
		limit, kills int64
	}{
		"version 2": {map[string]string{
			"memory.max":    "1073741824\n",
			"memory.events": "low 0\nhigh 0\nmax 1290\noom 5\noom_kill 3\noom_group_kill 1\n",
		}, 1 << 30, 3},
		"version 2 without limit": {map[string]string{
			"memory.max":    "max\n",
			"memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n",
		}, 0, 0},
		"version 1": {map[string]string{
			"memory/memory.limit_in_bytes": "536870912\n",
			"memory/memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
		}, 512 << 20, 7},
		"version 1 without limit": {map[string]string{
			"memory/memory.limit_in_bytes": "9223372036854771712\n",
			"memory/memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n",
		}, 0, 0},
		// Kernels before 4.13 do not count in version 1.
		"no counter": {map[string]string{
			"memory/memory.limit_in_bytes": "1073741824\n",
			"memory/memory.oom_control":    "oom_kill_disable 0\nunder_oom 0\n",
		}, 1 << 30, 0},
		"no controller": {nil, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			memory := controller(t, sample.files)
			if limit := memory.Limit(); limit != sample.limit {
				t.Errorf("limit: got %d, want %d", limit, sample.limit)
			}
			if kills := memory.Kills(); kills != sample.kills {
				t.Errorf("kills: got %d, want %d", kills, sample.kills)
			}
		})
	}
}

func TestFormatSize(t *testing.T) {
	for bytes, want := range map[int64]string{0: "none", 512 << 20: "512 MiB", 1 << 30: "1.0 GiB", 3 << 29: "1.5 GiB"} {
		if got := FormatSize(bytes); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
