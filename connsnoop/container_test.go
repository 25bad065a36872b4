package connsnoop

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const otherHex64 = "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

// TestContainerOf holds paths as runtimes lay them out on cgroup v2; ID and
// OTHER stand for ids of 64 digits.
func TestContainerOf(t *testing.T) {
	const (
		rootless = "/user.slice/user-1000.slice/user@1000.service/user.slice"
		pod      = "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1d8a2c_3b4e_4c55_9d6e_7f8091a2b3c4.slice"
		podDir   = "/kubepods/burstable/pod0f1d8a2c-3b4e-4c55-9d6e-7f8091a2b3c4"
	)
	tests := []struct{ name, path, want string }{
		{"docker, systemd driver", "/system.slice/docker-ID.scope", "docker ID"},
		{"docker, cgroupfs driver", "/docker/ID", "docker ID"},
		{"docker, rootless", rootless + "/docker-ID.scope", "docker ID"},
		{"docker, cgroup parent", "/batch.slice/docker-ID.scope", "docker ID"},
		{"docker, with cgroups of its own", "/system.slice/docker-ID.scope/init", "docker ID"},
		{"docker, with a systemd of its own", "/system.slice/docker-ID.scope/system.slice/ssh.service", "docker ID"},
		{"docker build", "/docker/buildkit/ID", "docker ID"},
		{"docker's daemon", "/system.slice/docker.service", "systemd docker.service"},
		{"containerd in Kubernetes, systemd driver", pod + "/cri-containerd-ID.scope", "containerd ID"},
		{"containerd in Kubernetes, guaranteed", "/kubepods.slice/kubepods-pod0f1d8a2c_3b4e.slice/cri-containerd-ID.scope", "containerd ID"},
		{"Kubernetes, cgroupfs driver", podDir + "/ID", "kubernetes ID"},
		{"Kubernetes, cgroupfs driver, guaranteed", "/kubepods/pod0f1d8a2c-3b4e/ID", "kubernetes ID"},
		{"containerd, drivers that disagree", "/system.slice/containerd.service/kubepods-besteffort-pod0f1d.slice:cri-containerd:ID", "containerd ID"},
		{"nerdctl, systemd driver", "/system.slice/nerdctl-ID.scope", "containerd ID"},
		{"nerdctl, cgroupfs driver", "/default/ID", "containerd ID"},
		{"a pod's own cgroup", pod, ""},
		{"podman, systemd driver", "/machine.slice/libpod-ID.scope/container", "podman ID"},
		{"podman, older", "/machine.slice/libpod-ID.scope", "podman ID"},
		{"podman, cgroupfs driver", "/libpod_parent/libpod-ID", "podman ID"},
		{"podman, rootless", rootless + "/libpod-ID.scope/container", "podman ID"},
		{"podman, pod", "/machine.slice/machine-libpod_pod_OTHER.slice/libpod-ID.scope/container", "podman ID"},
		{"podman, split", "/system.slice/web.service/libpod-payload-ID", "podman ID"},
		{"podman, split, supervisor", "/system.slice/web.service/supervisor", "systemd web.service"},
		{"podman's monitor", "/machine.slice/libpod-conmon-ID.scope", "systemd libpod-conmon-ID.scope"},
		{"cri-o, systemd driver", pod + "/crio-ID.scope", "cri-o ID"},
		{"cri-o, with crun's subgroup", pod + "/crio-ID.scope/container", "cri-o ID"},
		{"cri-o, cgroupfs driver", podDir + "/crio-ID", "cri-o ID"},
		{"cri-o's monitor", pod + "/crio-conmon-ID.scope", "systemd crio-conmon-ID.scope"},
		{"kind, systemd driver", "/system.slice/docker-OTHER.scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod0f1d.slice/cri-containerd-ID.scope", "containerd ID"},
		{"kind, cgroupfs driver", "/docker/OTHER/kubelet/kubepods/besteffort/pod0f1d8a2c-3b4e/ID", "kubernetes ID"},
		{"kind, the node's own services", "/docker/ID/system.slice/kubelet.service", "docker ID"},
		{"docker in docker", "/docker/OTHER/docker/ID", "docker ID"},
		{"podman in docker", "/system.slice/docker-OTHER.scope/libpod_parent/libpod-ID", "podman ID"},
		{"nspawn machine", "/machine.slice/machine-debian\\x2dsid.scope/payload/init.scope", "systemd debian-sid"},
		{"nspawn service", "/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service", "systemd web"},
		{"libvirt machine", "/machine.slice/machine-qemu\\x2d1\\x2ddb.scope/libvirt/emulator", "systemd qemu-1-db"},
		{"lxc", "/lxc.payload.web/system.slice/nginx.service", "lxc web"},
		{"lxc's monitor", "/lxc.monitor.web", ""},
		{"mini-container", "/mini-container/demo", "mini-container demo"},
		{"mini-container below a delegated cgroup", rootless + "/mini-container-demo.scope", "mini-container demo"},
		{"mini-container, by directory name", "/system.slice/ci.service/mini-container-7f3a/payload", "mini-container 7f3a"},
		{"service", "/system.slice/ssh.service", "systemd ssh.service"},
		{"service of an instance", "/system.slice/system-getty.slice/getty@tty1.service", "systemd getty@tty1.service"},
		{"session", "/user.slice/user-1000.slice/session-3.scope", "systemd session-3.scope"},
		{"service of a user", rootless + "/dbus.service", "systemd dbus.service"},
		{"init", "/init.scope", "systemd init.scope"},
		{"root", "/", ""},
		{"unknown", "", ""},
		{"only a slice", "/system.slice", ""},
		{"someone's own cgroups", "/tenants/a", ""},
		{"an id that nobody claims", "/ID", ""},
		{"an id too short", "/system.slice/docker-0123456789ab.scope", "systemd docker-0123456789ab.scope"},
		{"an id in upper case", "/docker/" + strings.ToUpper(hex64), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fill := strings.NewReplacer("OTHER", otherHex64, "ID", hex64)
			c, ok := ContainerOf(fill.Replace(tt.path))
			require.Equal(t, tt.want != "", ok)
			require.Equal(t, fill.Replace(tt.want), strings.TrimSpace(c.Runtime+" "+c.ID))
		})
	}
}

func FuzzContainerOf(f *testing.F) {
	for _, path := range []string{"/", "/system.slice/docker-" + hex64 + ".scope", "/a:b:c", "/machine-\\x2d\\xff.scope", "/mini-container/x"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		c, ok := ContainerOf(path)
		require.Equal(t, ok, c.Runtime != "" && c.ID != "")
		if ok && utf8.ValidString(path) && !strings.Contains(path, `\x`) && !strings.Contains(path, ":") {
			require.Contains(t, path, c.ID)
		}
	})
}
