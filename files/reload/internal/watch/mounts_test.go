package watch

import (
	"strings"
	"testing"
)

// Lines of the checkout in the builder's mount table on other systems. Sources and types are from the reports named beside
// them; numbers and other options are made up.
var machines = map[string]struct {
	line       string
	fileSystem string
	remote     bool
}{
	"Linux": {"512 480 254:1 /home/dev/cloudlab /src ro,relatime - ext4 /dev/vda1 rw,errors=remount-ro", "ext4", false},
	// Btrfs mounts subvolumes: Fedora's home.
	"Fedora": {"512 480 0:36 /home/dev/cloudlab /src ro,relatime - btrfs /dev/nvme0n1p3 rw,seclabel,compress=zstd:1,subvol=/home", "btrfs", false},
	// docker/for-mac#7647, docker/for-mac#7246: a removed file causes no event.
	"Docker Desktop on macOS": {"512 480 0:45 /Users/dev/cloudlab /src ro,nosuid,nodev,relatime - fakeowner /run/host_mark/Users rw,fakeowner", "fakeowner", true},
	// docker/desktop-feedback#626, findmnt in a container.
	"Docker Desktop on Linux, up to 4.31": {"512 480 0:45 / /src ro,nosuid,nodev,relatime - virtiofs virtiofs3 rw", "virtiofs", true},
	// abiosoft/colima#261: mountType virtiofs.
	"Colima with VZ": {"512 480 0:41 /cloudlab /src ro,relatime - virtiofs mount0 rw", "virtiofs", true},
	// lima-vm/lima#615: reverse sshfs.
	"Colima with QEMU": {"512 480 0:48 /cloudlab /src ro,nosuid,nodev,relatime - fuse.sshfs :/Users/dev rw,user_id=501", "fuse.sshfs", true},
	// orbstack/orbstack#739, docs.orbstack.dev/docker/file-sharing.
	"OrbStack": {"512 480 0:34 /Users/dev/cloudlab /src ro,relatime - virtiofs mac rw", "virtiofs", true},
	// microsoft/WSL discussion 41816: drives are mounted over 9p, with aname=drvfs.
	"WSL 2, a drive of Windows": {`512 480 0:58 /Users/dev/cloudlab /src ro,noatime - 9p C:\134 rw,dirsync,aname=drvfs;path=C:\,mmap,access=client`, "9p", true},
	"WSL 2, its own disk":       {"512 480 8:32 /home/dev/cloudlab /src ro,relatime - ext4 /dev/sdc rw,discard,errors=remount-ro,data=ordered", "ext4", false},
}

const base = "480 400 0:50 / / rw,relatime - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n" +
	"481 480 0:52 / /proc rw,nosuid - proc proc rw\n"

func TestFileSystemOfOtherSystems(t *testing.T) {
	for name, machine := range machines {
		t.Run(name, func(t *testing.T) {
			got, err := fileSystemOf("/src", strings.NewReader(base+machine.line+"\n"))
			if err != nil || got != machine.fileSystem || isRemote(got) != machine.remote {
				t.Errorf("got %q, remote: %v, %v", got, isRemote(got), err)
			}
		})
	}
}

func TestFileSystemOfInnermostMount(t *testing.T) {
	table := base +
		"512 480 8:1 / /src ro - ext4 /dev/sda1 rw\n" +
		"513 512 0:60 / /src/shop\\040one ro - virtiofs mount1 rw\n" +
		"514 480 0:61 / /srcs ro - nfs4 server:/ rw\n"
	for dir, want := range map[string]string{
		"/src": "ext4", "/src/shop one/cmd": "virtiofs", "/srcs": "nfs4", "/src/shop": "ext4", "/tmp": "overlay",
	} {
		if got, err := fileSystemOf(dir, strings.NewReader(table)); err != nil || got != want {
			t.Errorf("%s: got %q, want %q, %v", dir, got, want, err)
		}
	}
}

func TestFileSystemOfLastMount(t *testing.T) {
	table := base + "512 480 8:1 / /src ro - ext4 /dev/sda1 rw\n" + "513 512 0:60 / /src ro - 9p D: rw\n"
	if got, err := fileSystemOf("/src", strings.NewReader(table)); err != nil || got != "9p" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestInvalidMountTable(t *testing.T) {
	if _, err := fileSystemOf("/src", strings.NewReader("rootfs / rootfs rw 0 0\n")); err == nil {
		t.Error("no error")
	}
}

func TestUnreliableEvents(t *testing.T) {
	if got, _, err := UnreliableEvents(t.TempDir()); err != nil || got == "" {
		t.Errorf("got %q, %v", got, err)
	}
}
