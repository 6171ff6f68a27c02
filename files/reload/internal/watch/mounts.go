package watch

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mountTable lists the mounts of this process: see proc_pid_mountinfo(5).
const mountTable = "/proc/self/mountinfo"

// remote are file systems whose files are on another machine: the host of this virtual machine, or a server. Changes made
// there do not always cause an event in this kernel. Docker Desktop uses fakeowner, Colima virtiofs or fuse.sshfs, OrbStack
// virtiofs; a Windows drive is 9p.
var remote = []string{"9p", "cifs", "drvfs", "fakeowner", "nfs", "nfs4", "prl_fs", "smb3", "vboxsf", "virtiofs", "vmhgfs"}

// UnreliableEvents returns the type of the directory's file system, and whether it may not report all changes.
func UnreliableEvents(dir string) (fileSystem string, unreliable bool, err error) {
	table, err := os.Open(mountTable)
	if err != nil {
		return "", false, err
	}
	defer table.Close()
	fileSystem, err = fileSystemOf(dir, table)
	return fileSystem, isRemote(fileSystem), err
}

func isRemote(fileSystem string) bool {
	return slices.Contains(remote, fileSystem) || fileSystem == "fuse" || strings.HasPrefix(fileSystem, "fuse.")
}

// fileSystemOf looks up the type of the directory's file system in a mount table. Later lines hide earlier ones.
func fileSystemOf(dir string, table io.Reader) (string, error) {
	fileSystem, mountPoint := "", ""
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		mount, source, separated := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(mount)
		if !separated || len(fields) < 5 {
			return "", fmt.Errorf("%s: invalid line: %q", mountTable, lines.Text())
		}
		if target := unescape.Replace(fields[4]); len(target) >= len(mountPoint) && isBelow(dir, target) {
			fileSystem, _, _ = strings.Cut(source, " ")
			mountPoint = target
		}
	}
	return fileSystem, lines.Err()
}

// unescape decodes the escapes that the kernel uses for white space in paths.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func isBelow(path, dir string) bool {
	relative, err := filepath.Rel(dir, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, "../")
}
