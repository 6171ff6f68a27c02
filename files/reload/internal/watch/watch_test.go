package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const timeout = 10 * time.Second

func options(polling bool) Options {
	return Options{Quiet: 30 * time.Millisecond, MaxDelay: time.Second, Polling: polling, Interval: 20 * time.Millisecond}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// await reads batches until one of them satisfies the condition.
func await(t *testing.T, batches <-chan Batch, what string, satisfied func(Batch) bool) {
	t.Helper()
	deadline := time.After(timeout)
	for {
		select {
		case batch := <-batches:
			if satisfied(batch) {
				return
			}
		case <-deadline:
			t.Fatalf("timed out waiting for: %s", what)
		}
	}
}

func forEachMode(t *testing.T, test func(t *testing.T, root string, polling bool)) {
	for name, polling := range map[string]bool{"events": false, "polling": true} {
		t.Run(name, func(t *testing.T) { test(t, t.TempDir(), polling) })
	}
}

func TestChangedFile(t *testing.T) {
	forEachMode(t, func(t *testing.T, root string, polling bool) {
		file := filepath.Join(root, "a", "b", "x.go")
		write(t, file, "package b")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, "package b // changed")
		await(t, batches, "a write", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestSaveByRename(t *testing.T) {
	forEachMode(t, func(t *testing.T, root string, polling bool) {
		file := filepath.Join(root, "x.go")
		write(t, file, "package b")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		write(t, file+".draft", "package b // changed")
		if err := os.Rename(file+".draft", file); err != nil {
			t.Fatal(err)
		}
		await(t, batches, "a rename", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestFilesInNewDirectory(t *testing.T) {
	forEachMode(t, func(t *testing.T, root string, polling bool) {
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, "new", "deep", "x.go")
		write(t, file, "package deep")
		await(t, batches, "the new directory", func(batch Batch) bool {
			return batch.Everything || slices.Contains(batch.Files, file)
		})
		write(t, file, "package deep // changed")
		await(t, batches, "a write in it", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestDeletedFile(t *testing.T) {
	forEachMode(t, func(t *testing.T, root string, polling bool) {
		file := filepath.Join(root, "x.go")
		write(t, file, "package b")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		await(t, batches, "the removal", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestManyChangesAreOneBatch(t *testing.T) {
	root := t.TempDir()
	batches, err := Tree(t.Context(), root, Options{Quiet: 300 * time.Millisecond, MaxDelay: timeout})
	if err != nil {
		t.Fatal(err)
	}
	first, last := filepath.Join(root, "1.go"), filepath.Join(root, "9.go")
	for _, name := range []string{"1.go", "2.go", "3.go", "9.go"} {
		write(t, filepath.Join(root, name), "package x")
	}
	await(t, batches, "all in one", func(batch Batch) bool {
		return slices.Contains(batch.Files, first) && slices.Contains(batch.Files, last)
	})
}

func TestHiddenDirectoriesAreIgnored(t *testing.T) {
	forEachMode(t, func(t *testing.T, root string, polling bool) {
		hidden, visible := filepath.Join(root, ".git", "index"), filepath.Join(root, "visible.go")
		write(t, hidden, "")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		write(t, hidden, "changed")
		write(t, visible, "package x")
		await(t, batches, "the visible file", func(batch Batch) bool {
			if slices.Contains(batch.Files, hidden) {
				t.Error("a file in a hidden directory was reported")
			}
			return slices.Contains(batch.Files, visible)
		})
	})
}

func TestMissingTree(t *testing.T) {
	forEachMode(t, func(t *testing.T, root string, polling bool) {
		if _, err := Tree(t.Context(), filepath.Join(root, "none"), options(polling)); err == nil {
			t.Error("no error")
		}
	})
}
