// Package inotify reports changes in directories by inotify(7).
//
// It uses only the standard library, so that this module builds without a module proxy.
package inotify

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"unsafe"
)

// Masks of events.
const (
	// Content covers changes of a file's content. Some shared file systems report only the attributes.
	Content = syscall.IN_CLOSE_WRITE | syscall.IN_MODIFY | syscall.IN_ATTRIB
	// Names covers files and directories that are created, deleted or renamed.
	Names = syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM
	// Renames covers files that are moved into the directory.
	Renames = syscall.IN_MOVED_TO
)

// ErrLimit means that this user may not watch more directories.
var ErrLimit = errors.New("the limit of watched directories is reached (fs.inotify.max_user_watches)")

// Event is a change of one file or directory.
type Event struct {
	Path string
	// IsDir is true if Path is a directory.
	IsDir bool
	// Created is true if Path is new in its directory, Removed if it no longer is there.
	Created, Removed bool
	// Overflow is true if the kernel dropped events; Path is empty then.
	Overflow bool
}

// Watcher watches directories, without their subdirectories.
type Watcher struct {
	file   *os.File
	mu     sync.Mutex
	paths  map[int32]string
	buffer [64 * 1024]byte
}

// New returns a watcher that watches nothing yet.
func New() (*Watcher, error) {
	descriptor, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open inotify (fs.inotify.max_user_instances may be too low): %w", err)
	}
	return &Watcher{file: os.NewFile(uintptr(descriptor), "inotify"), paths: map[int32]string{}}, nil
}

// Add watches the directory. Adding it twice has no effect.
func (w *Watcher) Add(dir string, mask uint32) error {
	connection, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var watch int
	var addErr error
	err = connection.Control(func(descriptor uintptr) {
		// Under the lock, so that the path is known before its first event.
		w.mu.Lock()
		defer w.mu.Unlock()
		watch, addErr = syscall.InotifyAddWatch(int(descriptor), dir, mask|syscall.IN_ONLYDIR)
		if addErr == nil {
			w.paths[int32(watch)] = filepath.Clean(dir)
		}
	})
	switch {
	case err != nil:
		return err
	case errors.Is(addErr, syscall.ENOSPC):
		return ErrLimit
	case addErr != nil:
		return &os.PathError{Op: "watch", Path: dir, Err: addErr}
	}
	return nil
}

// Read waits for events. It fails with os.ErrClosed once the watcher is closed.
func (w *Watcher) Read() ([]Event, error) {
	length, err := w.file.Read(w.buffer[:])
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var events []Event
	for offset := 0; offset+syscall.SizeofInotifyEvent <= length; {
		raw := (*syscall.InotifyEvent)(unsafe.Pointer(&w.buffer[offset]))
		name := w.buffer[offset+syscall.SizeofInotifyEvent:][:raw.Len]
		offset += syscall.SizeofInotifyEvent + int(raw.Len)
		if event, ok := w.event(raw, strings.TrimRight(string(name), "\x00")); ok {
			events = append(events, event)
		}
	}
	return events, nil
}

func (w *Watcher) event(raw *syscall.InotifyEvent, name string) (Event, bool) {
	if raw.Mask&syscall.IN_Q_OVERFLOW != 0 {
		return Event{Overflow: true}, true
	}
	dir, known := w.paths[raw.Wd]
	if raw.Mask&syscall.IN_IGNORED != 0 {
		delete(w.paths, raw.Wd)
		return Event{}, false
	}
	if !known || name == "" {
		return Event{}, false
	}
	return Event{
		Path:    filepath.Join(dir, name),
		IsDir:   raw.Mask&syscall.IN_ISDIR != 0,
		Created: raw.Mask&(syscall.IN_CREATE|syscall.IN_MOVED_TO) != 0,
		Removed: raw.Mask&(syscall.IN_DELETE|syscall.IN_MOVED_FROM) != 0,
	}, true
}

// Close stops watching and unblocks Read.
func (w *Watcher) Close() error {
	return w.file.Close()
}
