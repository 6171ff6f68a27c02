// Package inotify reports changes in folders by the kernel's own notification.
//
// Nothing outside the standard library is needed for it, so that the programs of this module can be built where no module
// proxy answers.
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

// What to be told of.
const (
	// Content covers everything that changes what a file holds. Some shared file systems report no more than attributes.
	Content = syscall.IN_CLOSE_WRITE | syscall.IN_MODIFY | syscall.IN_ATTRIB
	// Names covers files and folders that come, go, or get another name.
	Names = syscall.IN_CREATE | syscall.IN_DELETE | syscall.IN_MOVED_TO | syscall.IN_MOVED_FROM
	// Arrivals covers files that are put in place complete, by a rename.
	Arrivals = syscall.IN_MOVED_TO
)

// ErrLimit says that the kernel watches no more folders for this user.
var ErrLimit = errors.New("the kernel's limit of watched folders is reached (fs.inotify.max_user_watches)")

// An Event is a change of one file or folder.
type Event struct {
	Path string
	// Folder is true when Path is a folder.
	Folder bool
	// Arrived is true when something of this name is new here, Gone when it no longer is.
	Arrived, Gone bool
	// Lost is true when the kernel dropped events; Path is empty then.
	Lost bool
}

// A Watcher holds watches of folders (not of what is below them).
type Watcher struct {
	file   *os.File
	mu     sync.Mutex
	paths  map[int32]string
	buffer [64 * 1024]byte
}

// New opens a watcher without watches.
func New() (*Watcher, error) {
	descriptor, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("open inotify (fs.inotify.max_user_instances may be too low): %w", err)
	}
	return &Watcher{file: os.NewFile(uintptr(descriptor), "inotify"), paths: map[int32]string{}}, nil
}

// Add watches the folder; adding it twice is harmless.
func (w *Watcher) Add(folder string, mask uint32) error {
	connection, err := w.file.SyscallConn()
	if err != nil {
		return err
	}
	var number int
	var failure error
	err = connection.Control(func(descriptor uintptr) {
		// Under the lock, so that an event never comes before its path is known.
		w.mu.Lock()
		defer w.mu.Unlock()
		number, failure = syscall.InotifyAddWatch(int(descriptor), folder, mask|syscall.IN_ONLYDIR)
		if failure == nil {
			w.paths[int32(number)] = filepath.Clean(folder)
		}
	})
	switch {
	case err != nil:
		return err
	case errors.Is(failure, syscall.ENOSPC):
		return ErrLimit
	case failure != nil:
		return &os.PathError{Op: "watch", Path: folder, Err: failure}
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
		return Event{Lost: true}, true
	}
	folder, known := w.paths[raw.Wd]
	if raw.Mask&syscall.IN_IGNORED != 0 {
		delete(w.paths, raw.Wd)
		return Event{}, false
	}
	if !known || name == "" {
		return Event{}, false
	}
	return Event{
		Path:    filepath.Join(folder, name),
		Folder:  raw.Mask&syscall.IN_ISDIR != 0,
		Arrived: raw.Mask&(syscall.IN_CREATE|syscall.IN_MOVED_TO) != 0,
		Gone:    raw.Mask&(syscall.IN_DELETE|syscall.IN_MOVED_FROM) != 0,
	}, true
}

// Close ends the watches and a Read that waits.
func (w *Watcher) Close() error {
	return w.file.Close()
}
