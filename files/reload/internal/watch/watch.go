// Package watch tells which files of a source tree changed, gathered to batches.
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

// A Batch is what changed at about the same time.
type Batch struct {
	Files []string
	// Everything is true when it cannot be said what changed: events were lost, or whole folders came or went.
	Everything bool
}

// Options say how to watch.
type Options struct {
	// Quiet is how long nothing may change until a batch is complete. An editor's save is several events.
	Quiet time.Duration
	// Longest is how long a batch may grow when changes do not end.
	Longest time.Duration
	// Polling compares the tree again and again instead of relying on the kernel's events, every Interval. A tree that takes long
	// to read is read less often.
	Polling  bool
	Interval time.Duration
}

// Tree watches the tree until the context ends. Changes made after it returns are reported; the channel is never closed.
//
// When the kernel watches no more folders it says so in the log and compares the tree instead.
func Tree(ctx context.Context, root string, options Options) (<-chan Batch, error) {
	changes := make(chan Batch, 64)
	if options.Polling {
		return gather(ctx, changes, options), poll(ctx, root, options.Interval, changes)
	}
	err := notify(ctx, root, changes)
	if errors.Is(err, inotify.ErrLimit) {
		slog.Warn("folders cannot be watched; the tree is compared instead", "cause", err, "every", options.Interval)
		err = poll(ctx, root, options.Interval, changes)
	}
	return gather(ctx, changes, options), err
}

// Ignored tells folders that hold no source: hidden ones, and what package managers of other languages put in a tree.
func Ignored(folder string) bool {
	name := filepath.Base(folder)
	return name == "node_modules" || (strings.HasPrefix(name, ".") && name != "." && name != "..")
}

// gather joins changes until nothing changed for a while.
func gather(ctx context.Context, changes <-chan Batch, options Options) <-chan Batch {
	batches := make(chan Batch)
	go func() {
		for {
			var batch Batch
			select {
			case batch = <-changes:
			case <-ctx.Done():
				return
			}
			quiet, longest := time.NewTimer(options.Quiet), time.NewTimer(options.Longest)
			for growing := true; growing; {
				select {
				case more := <-changes:
					batch.Files = append(batch.Files, more.Files...)
					batch.Everything = batch.Everything || more.Everything
					quiet.Reset(options.Quiet)
				case <-quiet.C:
					growing = false
				case <-longest.C:
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

// notify watches by inotify: each folder of the tree, and those that come later.
func notify(ctx context.Context, root string, changes chan<- Batch) error {
	watcher, err := inotify.New()
	if err != nil {
		return err
	}
	if err := addFolders(watcher, root); err != nil {
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

// translate makes a batch of events, and watches folders that are new.
func translate(watcher *inotify.Watcher, events []inotify.Event) Batch {
	var batch Batch
	for _, event := range events {
		switch {
		case event.Lost:
			batch.Everything = true
		case event.Folder && Ignored(event.Path):
		case event.Folder && event.Arrived:
			// Files may have been made in it before it was watched.
			batch.Everything = true
			if err := addFolders(watcher, event.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				slog.Error("changes in this folder will not be seen", "folder", event.Path, "cause", err)
			}
		case event.Folder && event.Gone:
			batch.Everything = true
		case !event.Folder:
			batch.Files = append(batch.Files, event.Path)
		}
	}
	return batch
}

func addFolders(watcher *inotify.Watcher, root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil:
			return nil // it went away meanwhile, or it is not readable: then go says so when it needs it
		case !entry.IsDir():
			return nil
		case path != root && Ignored(path):
			return fs.SkipDir
		}
		return watcher.Add(path, inotify.Content|inotify.Names)
	})
}

// A mark is what tells a file from its earlier self without reading it.
type mark struct {
	size    int64
	changed time.Time
}

// rest is how many times as long as a comparison took nothing is compared: shared folders can take seconds to read, and
// comparing them must leave the machine to the one who works on it.
const rest = 4

// poll compares the tree with what it was an interval ago.
func poll(ctx context.Context, root string, interval time.Duration, changes chan<- Batch) error {
	if _, err := os.ReadDir(root); err != nil {
		return err
	}
	last := marks(root)
	go func() {
		pause := interval
		for {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
			begun := time.Now()
			now := marks(root)
			pause = max(interval, rest*time.Since(begun))
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

func marks(root string) map[string]mark {
	found := map[string]mark{}
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
			found[path] = mark{info.Size(), info.ModTime()}
		}
		return nil
	})
	return found
}

func difference(before, after map[string]mark) []string {
	var files []string
	for path, now := range after {
		if was, known := before[path]; !known || was.size != now.size || !was.changed.Equal(now.changed) {
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
