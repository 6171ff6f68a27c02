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

// mountTable lists what this process sees mounted: see proc_pid_mountinfo(5).
const mountTable = "/proc/self/mountinfo"

// elsewhere are file systems whose files lie on another machine: the one that runs this virtual machine, or a server. What is
// changed over there makes no event in this kernel, or not every time. Docker Desktop's is fakeowner, Colima's virtiofs or
// fuse.sshfs, OrbStack's virtiofs; a drive of Windows is 9p.
var elsewhere = []string{"9p", "cifs", "drvfs", "fakeowner", "nfs", "nfs4", "prl_fs", "smb3", "vboxsf", "virtiofs", "vmhgfs"}

// Silent tells whether changes below the folder may go unreported, and the kind of file system it lies on.
func Silent(folder string) (string, bool, error) {
	table, err := os.Open(mountTable)
	if err != nil {
		return "", false, err
	}
	defer table.Close()
	kind, err := fileSystem(table, folder)
	return kind, silent(kind), err
}

func silent(kind string) bool {
	return slices.Contains(elsewhere, kind) || kind == "fuse" || strings.HasPrefix(kind, "fuse.")
}

// fileSystem is the kind of file system that the folder lies on, by a table of mounts. Later lines hide earlier ones.
func fileSystem(table io.Reader, folder string) (string, error) {
	kind, place := "", ""
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		mount, source, separated := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(mount)
		if !separated || len(fields) < 5 {
			return "", fmt.Errorf("%s: not a line of a mount table: %q", mountTable, lines.Text())
		}
		if target := unescape.Replace(fields[4]); len(target) >= len(place) && below(folder, target) {
			kind, _, _ = strings.Cut(source, " ")
			place = target
		}
	}
	return kind, lines.Err()
}

// unescape undoes how the kernel writes blanks in paths.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func below(path, folder string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && relative != ".." && !strings.HasPrefix(relative, "../")
}
