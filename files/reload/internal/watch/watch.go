// Package watch reports changed files of a source tree in batches.
package watch

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cloudlab.example/reload/internal/inotify"
)

// Batch is a set of changes made at about the same time.
type Batch struct {
	Files []string
	// Everything is true if any file may have changed: events were lost, or directories were created or removed.
	Everything bool
}

// Options configure Tree.
type Options struct {
	// Quiet is how long nothing may change until a batch is complete. An editor's save is several events.
	Quiet time.Duration
	// MaxDelay is how long a batch may grow if changes do not stop.
	MaxDelay time.Duration
	// Polling reads the tree every Interval instead of waiting for events. A tree that is slow to read is read less often.
	Polling  bool
	Interval time.Duration
}

// Tree watches the tree until the context ends. It reports changes made after it returned; the channel is never closed.
//
// If the kernel's limit of watched directories is reached, Tree logs a warning and polls.
func Tree(ctx context.Context, root string, options Options) (<-chan Batch, error) {
	changes := make(chan Batch, 64)
	if options.Polling {
		return batch(ctx, changes, options), poll(ctx, root, options.Interval, changes)
	}
	err := notify(ctx, root, changes)
	if errors.Is(err, inotify.ErrLimit) {
		slog.Warn("watching directories failed: polling the source tree", "error", err, "interval", options.Interval.String())
		err = poll(ctx, root, options.Interval, changes)
	}
	return batch(ctx, changes, options), err
}

// Ignored reports whether a directory contains no Go source: hidden ones, and those of other languages' package managers.
func Ignored(dir string) bool {
	name := filepath.Base(dir)
	return name == "node_modules" || (strings.HasPrefix(name, ".") && name != "." && name != "..")
}

// batch joins changes until nothing changed for a while.
func batch(ctx context.Context, changes <-chan Batch, options Options) <-chan Batch {
	batches := make(chan Batch)
	go func() {
		for {
			var batch Batch
			select {
			case batch = <-changes:
			case <-ctx.Done():
				return
			}
			quiet, deadline := time.NewTimer(options.Quiet), time.NewTimer(options.MaxDelay)
			for growing := true; growing; {
				select {
				case more := <-changes:
					batch.Files = append(batch.Files, more.Files...)
					batch.Everything = batch.Everything || more.Everything
					quiet.Reset(options.Quiet)
				case <-quiet.C:
					growing = false
				case <-deadline.C:
					growing = false
				case <-ctx.Done():
					return
				}
			}
			select {
			case batches <- batch:
			case <-ctx.Done():
				return
			}
		}
	}()
	return batches
}

// notify watches by inotify: each directory of the tree, and those created later.
func notify(ctx context.Context, root string, changes chan<- Batch) error {
	watcher, err := inotify.New()
	if err != nil {
		return err
	}
	if err := addTree(watcher, root); err != nil {
		return errors.Join(err, watcher.Close())
	}
	context.AfterFunc(ctx, func() { _ = watcher.Close() })
	go func() {
		for {
			events, err := watcher.Read()
			if err != nil {
				return // closed: the context has ended
			}
			if batch := translate(watcher, events); len(batch.Files) > 0 || batch.Everything {
				select {
				case changes <- batch:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return nil
}

// translate converts events to a batch, and watches new directories.
func translate(watcher *inotify.Watcher, events []inotify.Event) Batch {
	var batch Batch
	for _, event := range events {
		switch {
		case event.Overflow:
			batch.Everything = true
		case event.IsDir && Ignored(event.Path):
		case event.IsDir && event.Created:
			// Files may have been created in it before it was watched.
			batch.Everything = true
			if err := addTree(watcher, event.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				slog.Error("watching a new directory failed: its changes are not detected", "directory", event.Path, "error", err)
			}
		case event.IsDir && event.Removed:
			batch.Everything = true
		case !event.IsDir:
			batch.Files = append(batch.Files, event.Path)
		}
	}
	return batch
}

func addTree(watcher *inotify.Watcher, root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil // removed meanwhile, or not readable, which go reports if it needs it
		case !entry.IsDir():
			return nil
		case path != root && Ignored(path):
			return fs.SkipDir
		}
		return watcher.Add(path, inotify.Content|inotify.Names)
	})
}

// fingerprint detects a change of a file without reading it.
type fingerprint struct {
	size     int64
	modified time.Time
}

// idleFactor bounds the CPU usage of polling: the pause is at least this multiple of the time that reading the tree takes,
// which can be seconds on shared file systems.
const idleFactor = 4

// poll compares the tree with its state an interval ago.
func poll(ctx context.Context, root string, interval time.Duration, changes chan<- Batch) error {
	if _, err := os.ReadDir(root); err != nil {
		return err
	}
	last := scan(root)
	go func() {
		pause := interval
		for {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			start := time.Now()
			now := scan(root)
			pause = max(interval, idleFactor*time.Since(start))
			if files := difference(last, now); len(files) > 0 {
				select {
				case changes <- Batch{Files: files}:
				case <-ctx.Done():
					return
				}
			}
			last = now
		}
	}()
	return nil
}

func scan(root string) map[string]fingerprint {
	found := map[string]fingerprint{}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case entry.IsDir() && path != root && Ignored(path):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		if info, err := os.Stat(path); err == nil {
			found[path] = fingerprint{info.Size(), info.ModTime()}
		}
		return nil
	})
	return found
}

func difference(before, after map[string]fingerprint) []string {
	var files []string
	for path, now := range after {
		if was, known := before[path]; !known || was.size != now.size || !was.modified.Equal(now.modified) {
			files = append(files, path)
		}
	}
	for path := range before {
		if _, still := after[path]; !still {
			files = append(files, path)
		}
	}
	return files
}
