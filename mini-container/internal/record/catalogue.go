package record

import "sync"

// The groups of calls.
const (
	Mount      = "mount"
	Namespace  = "namespace"
	Credential = "credential"
	Cgroup     = "cgroup" // files of the cgroup file system, whatever the call
	Confine    = "confinement"
	Process    = "process"
	File       = "file"
	Channel    = "channel" // pipes, sockets, terminals
	Proc       = "proc"    // files of procfs, whatever the call
)

// Info is what there is to say of a system call wherever it is made.
type Info struct {
	Group   string
	Purpose string
	Without string // what would break if there were no such call
	Man     string
	args    string // one letter for each argument, see arguments
}

// Catalogue is the calls that are written down. Memory, time, threads, and the
// reading and closing of files are not: they make no container.
var Catalogue = sync.OnceValue(func() map[string]Info {
	return map[string]Info{
		"mount":         {Mount, "attach a file system somewhere, or change how something is attached", "the container would see the host's mounts, or none", "mount(2)", "sssMs"},
		"umount2":       {Mount, "let go of what is attached", "the host's files would stay in reach below the new root", "umount(2)", "sU"},
		"pivot_root":    {Mount, "make a mount the root, and the old root a mount below", "chroot(2) would have to do, and root can leave that", "pivot_root(2)", "ss"},
		"fsopen":        {Mount, "begin a new instance of a file system", "it would have to be mounted somewhere to be used", "fsopen(2)", "sf"},
		"fsconfig":      {Mount, "set an option of a file system, or create it", "there would be no options but those of mount(2)", "fsconfig(2)", "dcssd"},
		"fsmount":       {Mount, "make a mount of a file system, at no path yet", "others could get at it between mounting and opening", "fsmount(2)", "dFa"},
		"fspick":        {Mount, "choose a file system to change", "its options could only be given all at once", "fspick(2)", "dsx"},
		"open_tree":     {Mount, "hold a mount by a descriptor, or copy it", "a path could be swapped between looking and mounting", "open_tree(2)", "dsT"},
		"move_mount":    {Mount, "attach what a descriptor holds", "a mount could only be made by path, which can be swapped", "move_mount(2)", "dsdsm"},
		"mount_setattr": {Mount, "change how a mount is attached, with all below it", "a recursive read-only or idmapped mount could not be had", "mount_setattr(2)", "dsApd"},
		"sethostname":   {Namespace, "name the machine, in this UTS namespace", "the host's name would be seen inside", "sethostname(2)", "s"},
		"setdomainname": {Namespace, "set the NIS name, in this UTS namespace", "the host's would be seen inside", "setdomainname(2)", "s"},
		"clone":         {Namespace, "start a process, in new namespaces if flags say so", "nothing would run in the new namespaces", "clone(2)", "C"},
		"clone3":        {Namespace, "start a process, also straight into a cgroup", "a process would run outside of its limits before it is moved", "clone3(2)", "Kd"},
		"unshare":       {Namespace, "move into new namespaces", "only a new process could have them", "unshare(2)", "N"},
		"setns":         {Namespace, "join a namespace that there is", "nobody could enter a container", "setns(2)", "dN"},

		"setuid":    {Credential, "become another user", "the command would run as whoever started it", "setuid(2)", "d"},
		"setgid":    {Credential, "become another group", "the command would keep its starter's group", "setgid(2)", "d"},
		"setreuid":  {Credential, "become another user, real and effective", "the command would run as whoever started it", "setreuid(2)", "dd"},
		"setregid":  {Credential, "become another group, real and effective", "the command would keep its starter's group", "setregid(2)", "dd"},
		"setresuid": {Credential, "become another user, with no way back", "a saved user id would be a way back", "setresuid(2)", "ddd"},
		"setresgid": {Credential, "become another group, with no way back", "a saved group id would be a way back", "setresgid(2)", "ddd"},
		"setfsuid":  {Credential, "be another user to file systems", "files would be opened as somebody else", "setfsuid(2)", "d"},
		"setfsgid":  {Credential, "be another group to file systems", "files would be opened as somebody else", "setfsgid(2)", "d"},
		"setgroups": {Credential, "set the supplementary groups", "the starter's groups would open files to the command", "setgroups(2)", "dp"},
		"capset":    {Credential, "set the permitted, effective and inheritable capabilities", "root inside could do what root can", "capset(2)", "pV"},
		"prctl":     {Credential, "set something of this thread: capability bounds, no_new_privs, death with the parent", "an exec could win back what was given away", "prctl(2)", "Px"},
		"keyctl":    {Credential, "work with keys of the kernel", "the starter's session keys would be shared", "keyctl(2)", "d"},
		"setsid":    {Credential, "begin a session without a terminal", "characters could be pushed into the caller's terminal", "setsid(2)", ""},

		"seccomp":                 {Confine, "install a filter of system calls", "every fault in any call would be in reach", "seccomp(2)", "Sxp"},
		"landlock_create_ruleset": {Confine, "name what Landlock is to restrict", "a process without privileges could not restrict itself", "landlock_create_ruleset(2)", "pdx"},
		"landlock_add_rule":       {Confine, "allow something", "nothing would be allowed", "landlock_add_rule(2)", "ddpx"},
		"landlock_restrict_self":  {Confine, "put the rules in force", "they would be words", "landlock_restrict_self(2)", "dx"},
		"prlimit64":               {Confine, "set a resource limit, or read it", "one process could use up what all share", "prlimit(2)", "ddpp"},
		"setrlimit":               {Confine, "set a resource limit", "one process could use up what all share", "setrlimit(2)", "dp"},
		"bpf":                     {Confine, "load a program into the kernel, such as a filter of devices", "devices could only be hidden, not denied", "bpf(2)", "dpd"},
		"close_range":             {Confine, "close descriptors, or mark them, all at once", "a forgotten one would lead back to the host", "close_range(2)", "uRr"},

		"execve":   {Process, "become another program", "the command would not run", "execve(2)", "s"},
		"execveat": {Process, "become another program, by descriptor", "what a path names could be swapped first", "execveat(2)", "ds"},
		"chdir":    {Process, "enter a directory", "the working directory would lie outside", "chdir(2)", "s"},
		"fchdir":   {Process, "enter a directory, by descriptor", "after pivot_root(2) the old root would have no name", "fchdir(2)", "d"},
		"chroot":   {Process, "let paths begin somewhere else", "paths would begin at the old root", "chroot(2)", "s"},
		"getcwd":   {Process, "ask where this is", "a directory outside of the root would go unnoticed", "getcwd(2)", ""},

		"mkdir": {File, "create a directory", "there would be no place to mount on, and no cgroup", "mkdir(2)", "so"}, "mkdirat": {File, "create a directory below another", "there would be no place to mount on, and no cgroup", "mkdir(2)", "dso"},
		"rmdir": {File, "remove a directory", "cgroups would stay for ever", "rmdir(2)", "s"}, "unlinkat": {File, "remove a file or directory", "files would be left behind", "unlink(2)", "dsA"},
		"mknodat":    {File, "create a device", "there would be no /dev/null", "mknod(2)", "dsox"},
		"symlinkat":  {File, "create a symbolic link", "/dev/stdin would lead nowhere", "symlink(2)", "sds"},
		"fchmodat":   {File, "set who may do what", "permissions would be those of the umask", "chmod(2)", "dso"},
		"fchmod":     {File, "set who may do what", "permissions would be those of the umask", "chmod(2)", "do"},
		"fchown":     {File, "give a file to someone", "it would belong to whoever made it", "chown(2)", "ddd"},
		"fchownat":   {File, "give a file to someone", "it would belong to whoever made it", "chown(2)", "dsddA"},
		"renameat":   {File, "put a finished file in the place of another", "readers could see half a file", "rename(2)", "dsds"},
		"renameat2":  {File, "put a finished file in the place of another", "readers could see half a file", "rename(2)", "dsdsx"},
		"flock":      {File, "take a lock that dies with its holder", "nobody would know who lives", "flock(2)", "dL"},
		"pipe2":      {Channel, "make a pipe", "two processes could not talk", "pipe(2)", "pO"},
		"socketpair": {Channel, "make two connected sockets", "no descriptor could be handed over", "socketpair(2)", "ddd"},
		"socket":     {Channel, "make a socket, here mostly to the kernel's network configuration", "no interface could be set up", "socket(2)", "ddd"},
		"sendto":     {Channel, "send, here mostly a request of rtnetlink(7)", "no interface could be set up", "sendto(2)", "dpd"},
		"sendmsg":    {Channel, "send, with descriptors", "the terminal could not be handed over", "sendmsg(2)", "dpx"},
		"recvmsg":    {Channel, "receive, with descriptors", "the terminal could not be taken over", "recvmsg(2)", "dpx"},
		"ioctl":      {Channel, "set something of a device, such as a terminal", "there would be no controlling terminal", "ioctl(2)", "dI"},
		"dup3":       {Channel, "give a descriptor another number", "standard input could not be the terminal", "dup(2)", "ddO"},
	}
})

// write is for writes to files by which the kernel is told something.
var (
	cgroupWrite = Info{Cgroup, "tell the cgroup file system something: a limit, a controller, a member", "there would be a cgroup without effect", "cgroups(7)", ""}
	procWrite   = Info{Proc, "tell procfs something: id maps, clock offsets, settings of namespaces", "the namespaces would have what they were made with", "proc(5)", ""}
)
