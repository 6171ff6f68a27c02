package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const patience = 10 * time.Second

func options(polling bool) Options {
	return Options{Quiet: 30 * time.Millisecond, Longest: time.Second, Polling: polling, Interval: 20 * time.Millisecond}
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

// until reads batches until one of them satisfies.
func until(t *testing.T, batches <-chan Batch, what string, satisfied func(Batch) bool) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case batch := <-batches:
			if satisfied(batch) {
				return
			}
		case <-timeout:
			t.Fatalf("not reported: %s", what)
		}
	}
}

func both(t *testing.T, test func(t *testing.T, root string, polling bool)) {
	for name, polling := range map[string]bool{"events": false, "polling": true} {
		t.Run(name, func(t *testing.T) { test(t, t.TempDir(), polling) })
	}
}

func TestAChangedFileIsReported(t *testing.T) {
	both(t, func(t *testing.T, root string, polling bool) {
		file := filepath.Join(root, "a", "b", "x.go")
		write(t, file, "package b")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		write(t, file, "package b // changed")
		until(t, batches, "a write", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestASaveByRenameIsReported(t *testing.T) {
	both(t, func(t *testing.T, root string, polling bool) {
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
		until(t, batches, "a rename", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestFilesInANewFolderAreReported(t *testing.T) {
	both(t, func(t *testing.T, root string, polling bool) {
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(root, "new", "deep", "x.go")
		write(t, file, "package deep")
		until(t, batches, "the new folder", func(batch Batch) bool {
			return batch.Everything || slices.Contains(batch.Files, file)
		})
		write(t, file, "package deep // changed")
		until(t, batches, "a write in it", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestADeletedFileIsReported(t *testing.T) {
	both(t, func(t *testing.T, root string, polling bool) {
		file := filepath.Join(root, "x.go")
		write(t, file, "package b")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		until(t, batches, "the removal", func(batch Batch) bool { return slices.Contains(batch.Files, file) })
	})
}

func TestManyChangesAreOneBatch(t *testing.T) {
	root := t.TempDir()
	batches, err := Tree(t.Context(), root, Options{Quiet: 300 * time.Millisecond, Longest: patience})
	if err != nil {
		t.Fatal(err)
	}
	first, last := filepath.Join(root, "1.go"), filepath.Join(root, "9.go")
	for _, name := range []string{"1.go", "2.go", "3.go", "9.go"} {
		write(t, filepath.Join(root, name), "package x")
	}
	until(t, batches, "all in one", func(batch Batch) bool {
		return slices.Contains(batch.Files, first) && slices.Contains(batch.Files, last)
	})
}

func TestHiddenFoldersAreLeftOut(t *testing.T) {
	both(t, func(t *testing.T, root string, polling bool) {
		hidden, seen := filepath.Join(root, ".git", "index"), filepath.Join(root, "seen.go")
		write(t, hidden, "")
		batches, err := Tree(t.Context(), root, options(polling))
		if err != nil {
			t.Fatal(err)
		}
		write(t, hidden, "changed")
		write(t, seen, "package x")
		until(t, batches, "the file that counts", func(batch Batch) bool {
			if slices.Contains(batch.Files, hidden) {
				t.Error("a file of git is reported")
			}
			return slices.Contains(batch.Files, seen)
		})
	})
}

func TestATreeThatDoesNotExist(t *testing.T) {
	both(t, func(t *testing.T, root string, polling bool) {
		if _, err := Tree(t.Context(), filepath.Join(root, "none"), options(polling)); err == nil {
			t.Error("no error")
		}
	})
}
