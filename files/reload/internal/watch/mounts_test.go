package watch

import (
	"strings"
	"testing"
)

// The line of the checkout in the builder's mount table, on systems that cannot be run here. The sources and kinds are those of
// the reports named beside them; numbers and the rest of the options are made up.
var machines = map[string]struct {
	line   string
	kind   string
	silent bool
}{
	"Linux": {"512 480 254:1 /home/dev/cloudlab /src ro,relatime - ext4 /dev/vda1 rw,errors=remount-ro", "ext4", false},
	// Btrfs mounts subvolumes: Fedora's home.
	"Fedora": {"512 480 0:36 /home/dev/cloudlab /src ro,relatime - btrfs /dev/nvme0n1p3 rw,seclabel,compress=zstd:1,subvol=/home", "btrfs", false},
	// docker/for-mac#7647, docker/for-mac#7246: a removed file makes no event.
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

func TestTheFileSystemOfTheCheckoutDecides(t *testing.T) {
	for name, machine := range machines {
		t.Run(name, func(t *testing.T) {
			kind, err := fileSystem(strings.NewReader(base+machine.line+"\n"), "/src")
			if err != nil || kind != machine.kind || silent(kind) != machine.silent {
				t.Errorf("%q, silent: %v, %v", kind, silent(kind), err)
			}
		})
	}
}

func TestTheInnermostMountCounts(t *testing.T) {
	table := base +
		"512 480 8:1 / /src ro - ext4 /dev/sda1 rw\n" +
		"513 512 0:60 / /src/shop\\040one ro - virtiofs mount1 rw\n" +
		"514 480 0:61 / /srcs ro - nfs4 server:/ rw\n"
	for folder, want := range map[string]string{
		"/src": "ext4", "/src/shop one/cmd": "virtiofs", "/srcs": "nfs4", "/src/shop": "ext4", "/tmp": "overlay",
	} {
		if kind, err := fileSystem(strings.NewReader(table), folder); err != nil || kind != want {
			t.Errorf("%s: %q, %v", folder, kind, err)
		}
	}
}

func TestAMountHidesAnEarlierOneOfTheSamePlace(t *testing.T) {
	table := base + "512 480 8:1 / /src ro - ext4 /dev/sda1 rw\n" + "513 512 0:60 / /src ro - 9p D: rw\n"
	if kind, err := fileSystem(strings.NewReader(table), "/src"); err != nil || kind != "9p" {
		t.Errorf("%q, %v", kind, err)
	}
}

func TestAnotherTableIsAnError(t *testing.T) {
	if _, err := fileSystem(strings.NewReader("rootfs / rootfs rw 0 0\n"), "/src"); err == nil {
		t.Error("no error")
	}
}

func TestThisMachineIsAsked(t *testing.T) {
	if kind, _, err := Silent(t.TempDir()); err != nil || kind == "" {
		t.Errorf("%q, %v", kind, err)
	}
}
