package minicontainer

// The two lists below are the life of a container. To add to it, write a
// function and a line here: timings, faults and explanations come by
// themselves.

// Steps lists the whole life cycle in order: what the supervisor does before
// its child is let loose on its own list, that list, and the rest.
func Steps() []Step {
	var all []Step
	for _, s := range supervisorSteps {
		if s.Name == "observe" { // the child stands still: its list is done
			for _, c := range childSteps {
				all = append(all, c.Step)
			}
		}
		all = append(all, s.Step)
		if s.Name == "exec" { // the supervisor has given its word
			for _, c := range lastSteps {
				all = append(all, c.Step)
			}
		}
	}
	return all
}

// supervisorSteps is what happens outside. Between clone and configure the
// child stands still in its new namespaces and has not done anything yet: the
// place for whatever must be done to it from outside. Each undo is called at
// the end of every run, in reverse order, however far the run got.
var supervisorSteps = []step[*supervisor]{
	{
		Step: Step{
			"validate", BySupervisor, "check the configuration before anything is created", "user_namespaces(7)",
			"a field we do not act on would make a container weaker than it says", nil,
		},
		run: (*supervisor).validate,
	},
	{
		Step: Step{
			"check-rootfs", BySupervisor, "see that the root directory is one", "stat(2)",
			"a typing error would only show inside", nil,
		},
		run: (*supervisor).checkRootfs,
	},
	{
		Step: Step{
			"idmapped-mounts", BySupervisor, "copy mounts and let their files have other owners", "mount_setattr(2)",
			"files of the host's root would belong to nobody inside", []string{"pipe2", "clone", "setsid", "prctl", "open_tree", "mount_setattr"},
		},
		when: (*supervisor).wantsIDMounts, run: (*supervisor).idmapMounts, undo: (*supervisor).closeTrees,
	},
	{
		Step: Step{
			"state", BySupervisor, "take a name and the lock that shows others that we live", "flock(2)",
			"no other command would find the container, or clean up after it", []string{"flock", "mkdirat", "renameat2", "renameat"},
		},
		when: (*supervisor).hasState, run: (*supervisor).remember, undo: (*supervisor).forget,
	},
	{
		Step: Step{
			"log", BySupervisor, "make a pipe for what the command says, and keep that", "pipe(2)",
			"nobody would see what a detached container says", []string{"pipe2"},
		},
		when: (*supervisor).isDetached, run: (*supervisor).openLog, undo: (*supervisor).closeLog,
	},
	{
		Step: Step{
			"cgroup", BySupervisor, "make a cgroup and set its limits before anyone is in it", "cgroups(7)",
			"the container could take all memory, processors and pids", []string{"mkdirat"},
		},
		when: (*supervisor).wantsCgroup, run: (*supervisor).createCgroup, undo: (*supervisor).removeCgroup,
	},
	{
		Step: Step{
			"device-filter", BySupervisor, "attach a BPF program to the cgroup that decides which devices may be made and opened", "bpf(2)",
			"a node of the host's disk, wherever it came from, would open the disk", []string{"bpf"},
		},
		run: (*supervisor).filterDevices,
	},
	{
		Step: Step{
			"terminal-socket", BySupervisor, "make a socket over which the child can send its terminal", "unix(7)",
			"the supervisor would not get at the container's terminal", []string{"socketpair"},
		},
		when: (*supervisor).hasTerminal, run: (*supervisor).openSocket,
	},
	{
		Step: Step{
			"clone", BySupervisor, "start the child in all its new namespaces at once", "clone(2)",
			"there would be no container", []string{
				"pipe2", "clone3", "unshare", "clone", "setsid", "prctl", "open_tree", "mount_setattr", "mount", "move_mount",
				"setresgid", "setresuid", "dup3", "close_range", "execveat", "execve",
			},
		},
		run: (*supervisor).clone, undo: (*supervisor).reap,
	},
	{
		Step: Step{
			"cpuset", BySupervisor, "bind the child to its processors", "cpuset(7)",
			"5.10 lets a child that was cloned into a cgroup run anywhere", nil,
		},
		when: (*supervisor).hasCgroup, run: (*supervisor).settleCgroup,
	},
	{
		Step: Step{
			"network", BySupervisor, "connect the child to the bridge by a veth pair", "veth(4)",
			"the container would reach nobody", []string{"flock", "mkdirat", "socket", "sendto", "setns", "sendmsg", "recvmsg"},
		},
		when: (*supervisor).onBridge, run: (*supervisor).connect, undo: (*supervisor).disconnect,
	},
	{
		Step: Step{
			"configure", BySupervisor, "tell the child what to be, and wait until it is", "pipe(2)",
			"the child would not know what to do", nil,
		},
		run: (*supervisor).configure,
	},
	{
		Step: Step{
			"observe", BySupervisor, "read from /proc what isolates the child, which stands still", "proc(5)",
			"the report would say what was meant, not what is", nil,
		},
		when: (*supervisor).observes, run: (*supervisor).observe,
	},
	{
		Step: Step{
			"attach", BySupervisor, "set the caller's terminal raw and connect it with the container's", "termios(3)",
			"nobody would see what the container shows", []string{"recvmsg", "ioctl"},
		},
		when: (*supervisor).hasTerminal, run: (*supervisor).attach, undo: (*supervisor).detachTerminal,
	},
	{
		Step: Step{
			"exec", BySupervisor, "let the child become the command", "execve(2)",
			"the command would not run", []string{"execve"},
		},
		run: (*supervisor).letGo,
	},
	{
		Step: Step{
			"record", BySupervisor, "write down which process the container is", "rename(2)",
			"other commands could not signal it or enter it", []string{"renameat2", "unlinkat"},
		},
		when: (*supervisor).hasState, run: (*supervisor).recordRunning,
	},
	{
		Step: Step{
			"wait", BySupervisor, "pass signals on, and wait for the end of the command", "wait(2)",
			"the caller would not learn how it ended", nil,
		},
		run: (*supervisor).wait,
	},
	{
		Step: Step{
			"oom", BySupervisor, "ask the cgroup whether its memory ran out", "cgroups(7)",
			"a kill by the OOM killer would look like any other", nil,
		},
		when: (*supervisor).hasCgroup, run: (*supervisor).readOOM,
	},
}

// childSteps is everything between clone(2) and execve(2), inside.
var childSteps = []step[*setup]{
	{
		Step: Step{
			"private-propagation", ByChild, "cut all mounts off from the host's", "mount_namespaces(7)",
			"mounts made here would show up on the host", []string{"mount"},
		},
		run: privatePropagation,
	},
	{
		Step: Step{
			"bind-rootfs", ByChild, "make the rootfs a mount of its own, without devices", "mount(2)",
			"pivot_root only takes a mount point", []string{"move_mount", "mount"},
		},
		when: func(s *setup) bool { return !s.Extra.Overlay }, run: bindRootfs,
	},
	{
		Step: Step{
			"overlay-rootfs", ByChild, "put a layer in memory over the rootfs", "mount(2)",
			"what the command changes would stay", []string{"mount", "mkdirat", "fchmodat", "fchownat"},
		},
		when: func(s *setup) bool { return s.Extra.Overlay }, run: overlayRootfs,
	},
	{
		Step: Step{
			"keep-image", ByChild, "hold our own executable open, to be PID 1 later", "open(2)",
			"after the pivot it lies at no path", nil,
		},
		when: func(s *setup) bool { return s.Extra.Init }, run: keepImage,
	},
	{
		Step: Step{
			"private-proc", ByChild, "open a procfs that lies at no path", "fsopen(2)",
			"a write to /proc could be led to another file (CVE-2025-52881)", []string{"fsopen", "fsconfig", "fsmount"},
		},
		run: privateProc,
	},
	{
		Step: Step{
			"mounts", ByChild, "mount what the configuration lists", "mount(2)",
			"no /proc, /sys, /dev of its own", []string{"mount", "mkdirat", "open_tree", "move_mount", "mount_setattr"},
		},
		run: mountAll,
	},
	{
		Step: Step{
			"devices", ByChild, "put the harmless devices into /dev", "mknod(2)",
			"no /dev/null", []string{"mknodat", "mount"},
		},
		run: makeDevices,
	},
	{
		Step: Step{
			"device-links", ByChild, "put the usual links into /dev", "symlink(2)",
			"no /dev/stdin, no /dev/ptmx", []string{"symlinkat"},
		},
		run: linkDevices,
	},
	{
		Step: Step{
			"sysctls", ByChild, "set the namespaces' own kernel settings", "proc_sys(5)",
			"they would have their defaults", nil,
		},
		when: func(s *setup) bool { return len(s.Spec.Linux.Sysctl) > 0 },
		run:  setSysctls,
	},
	{
		Step: Step{
			"oom-score", ByChild, "say how soon the kernel is to kill it when memory is short", "proc_pid_oom_score_adj(5)",
			"it would be its caller's", nil,
		},
		when: func(s *setup) bool { return s.Spec.Process.OOMScoreAdj != nil },
		run:  setOOMScore,
	},
	{
		Step: Step{
			"apparmor", ByChild, "name the AppArmor profile for the command", "apparmor(7)",
			"the command would run unconfined", nil,
		},
		when: func(s *setup) bool { return s.Spec.Process.ApparmorProfile != "" },
		run:  enterAppArmor,
	},
	{
		Step: Step{
			"readonly-paths", ByChild, "make parts of /proc read-only", "mount(2)",
			"root inside could write the host's /proc/sys", []string{"mount"},
		},
		run: readonlyPaths,
	},
	{
		Step: Step{
			"masked-paths", ByChild, "hide parts of /proc and /sys", "mount(2)",
			"root inside could read the host's memory and keys", []string{"mount"},
		},
		run: maskPaths,
	},
	{
		Step: Step{
			"readonly-root", ByChild, "make the rootfs read-only", "mount(2)",
			"the command could change its own programs", []string{"mount"},
		},
		when: func(s *setup) bool { return s.Spec.Root.Readonly }, run: readonlyRoot,
	},
	{
		Step: Step{
			"pivot-root", ByChild, "swap the rootfs for the host's root and let go of that", "pivot_root(2)",
			"the host's files would still be there", []string{"fchdir", "pivot_root", "umount2", "chdir"},
		},
		run: pivotRoot,
	},
	{
		Step: Step{
			"hostname", ByChild, "set the host name", "sethostname(2)",
			"the host's name would still be there", []string{"sethostname"},
		},
		run: setHostname,
	},
	{
		Step: Step{
			"loopback", ByChild, "set the loopback interface up", "netdevice(7)",
			"not even 127.0.0.1 would answer", []string{"socket", "ioctl"},
		},
		when: wantsLoopback, run: loopbackUp,
	},
	{
		Step: Step{
			"find-user", ByChild, "decide as whom to run, by the container's /etc/passwd", "passwd(5)",
			"a name could mean somebody else outside", nil,
		},
		run: findUser,
	},
	{
		Step: Step{
			"terminal", ByChild, "take a terminal of the container's own devpts", "ioctl_tty(2)",
			"no job control; or the caller's terminal, to type into", []string{"ioctl", "fchown", "open_tree", "move_mount", "sendmsg", "dup3"},
		},
		when: wantsTerminal, run: ownTerminal,
	},
	{
		Step: Step{
			"workdir", ByChild, "enter the working directory and look where that is", "chdir(2)",
			"the working directory could lie outside the root", []string{"chdir", "getcwd"},
		},
		run: enterWorkdir,
	},
	{
		Step: Step{
			"find-command", ByChild, "find the command, along the PATH it will have", "openat2(2)",
			"a missing command would only show at the exec", nil,
		},
		run: findCommand,
	},
	{
		Step: Step{
			"no-new-privs", ByChild, "let no program gain privileges by being executed", "PR_SET_NO_NEW_PRIVS(2const)",
			"a set-user-ID program could win privileges", []string{"prctl"},
		},
		run: noNewPrivs,
	},
	{
		Step: Step{
			"keyring", ByChild, "begin an empty session keyring", "keyctl(2)",
			"the caller's keys could be read and used inside", []string{"keyctl"},
		},
		run: ownKeyring,
	},
	{
		Step: Step{
			"groups", ByChild, "set the supplementary groups, to none as a rule", "setgroups(2)",
			"the caller's supplementary groups would stay", []string{"setgroups"},
		},
		run: setGroups,
	},
	earlySeccomp,
	{
		Step: Step{
			"close-on-exec", ByChild, "mark all descriptors but the standard three", "close_range(2)",
			"an open descriptor would lead back to the host", []string{"close_range"},
		},
		run: closeOnExec,
	},
	{
		Step: Step{
			"user", ByChild, "become the user, capabilities kept for one more step", "setresuid(2)",
			"the command would be root", []string{"prctl", "setresgid", "setresuid"},
		},
		when: notRoot,
		run:  becomeUser,
	},
	{
		Step: Step{
			"capabilities", ByChild, "cut all five sets down to the configuration", "capabilities(7)",
			"root inside would be root outside", []string{"capset", "prctl"},
		},
		run: dropCapabilities,
	},
	{
		Step: Step{
			"parent-death", ByChild, "ask to be killed when the supervisor dies", "PR_SET_PDEATHSIG(2const)",
			"the container would outlive its supervisor", []string{"prctl"},
		},
		run: armParentDeath,
	},
}
