#!/usr/bin/env python3
"""Records what libseccomp makes of profiles, for TestReference.

Usage: generate.py OUTPUT-DIRECTORY [PROFILE.json...]

Needs libseccomp.so.2 and nothing else. libseccomp is driven as the OCI
runtimes drive it: a rule that says what the default says is left out, two
conditions on one argument become two rules, a name that is not known is left
out. The profiles are those below, some that are made at random from a fixed
seed, and the files named on the command line.
"""
import base64, ctypes, json, os, random, signal, sys, tempfile

lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_release.argtypes = [ctypes.c_void_p]
lib.seccomp_arch_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
lib.seccomp_arch_remove.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
lib.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]

class Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint)]

class Compare(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

lib.seccomp_version.restype = ctypes.POINTER(Version)
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Compare)]

ARCHES = {"SCMP_ARCH_X86_64": 0xC000003E, "SCMP_ARCH_X86": 0x40000003, "SCMP_ARCH_X32": 0x4000003E,
          "SCMP_ARCH_AARCH64": 0xC00000B7, "SCMP_ARCH_ARM": 0x40000028}
NATIVE = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}
OPS = ["", "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"]
PLAIN = {"SCMP_ACT_KILL": 0, "SCMP_ACT_KILL_THREAD": 0, "SCMP_ACT_KILL_PROCESS": 0x80000000, "SCMP_ACT_TRAP": 0x30000,
         "SCMP_ACT_LOG": 0x7FFC0000, "SCMP_ACT_ALLOW": 0x7FFF0000}
NUMBERED = {"SCMP_ACT_ERRNO": 0x50000, "SCMP_ACT_TRACE": 0x7FF00000}

def action(name, number):
    return PLAIN[name] if name in PLAIN else NUMBERED[name] | (1 if number is None else number)

def check(rc, what):
    if rc < 0:
        raise SystemExit(f"{what}: {os.strerror(-rc)}")

def add(ctx, act, name, args):
    number = lib.seccomp_syscall_resolve_name(name.encode())
    if number == -1:
        return
    compare = (Compare * max(1, len(args)))(*[
        Compare(a["index"], OPS.index(a["op"]), a["value"], a.get("valueTwo", 0)) for a in args])
    check(lib.seccomp_rule_add_array(ctx, act, number, len(args), compare), f"add {name} {args}")

def export(goarch, profile):
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    ctx = lib.seccomp_init(default)
    arches = [NATIVE[goarch]] + [a for a in profile.get("architectures", []) if a != NATIVE[goarch]]
    if goarch != "amd64":
        check(lib.seccomp_arch_add(ctx, ARCHES[arches[0]]), "add architecture")
        check(lib.seccomp_arch_remove(ctx, ARCHES[NATIVE["amd64"]]), "remove architecture")
    for arch in arches[1:]:
        check(lib.seccomp_arch_add(ctx, ARCHES[arch]), "add architecture")
    for rule in profile.get("syscalls", []):
        act = action(rule["action"], rule.get("errnoRet"))
        args = rule.get("args", [])
        if act == default:
            continue
        repeated = len({a["index"] for a in args}) != len(args)
        for name in rule["names"]:
            for conditions in ([[a] for a in args] if repeated else [args]):
                add(ctx, act, name, conditions)
    with tempfile.TemporaryFile() as f:
        check(lib.seccomp_export_bpf(ctx, f.fileno()), "export")
        f.seek(0)
        program = f.read()
    lib.seccomp_release(ctx)
    return program

def arg(index, op, value, two=0):
    return {"index": index, "op": "SCMP_CMP_" + op, "value": value} | ({"valueTwo": two} if op == "MASKED_EQ" else {})

def rule(names, act="ALLOW", args=(), **more):
    return {"names": names.split(), "action": "SCMP_ACT_" + act} | ({"args": list(args)} if args else {}) | more

def profile(default, rules, arches=(), **more):
    return {"defaultAction": "SCMP_ACT_" + default, "architectures": ["SCMP_ARCH_" + a for a in arches], "syscalls": rules} | more

EDGES = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x100000001, 0x1FFFFFFFF, 0x7FFFFFFFFFFFFFFF,
         0x8000000000000000, 0xFFFFFFFF00000000, 0xFFFFFFFF00000001, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF]
CALLS = ("read write close fstat lseek mmap mprotect munmap brk ioctl pread64 readv dup getpid sendfile clone "
         "execve exit kill uname fcntl flock fsync ftruncate getcwd chdir fchdir fchmod ptrace setuid personality "
         "prctl mount chroot sync setsid gettid futex tgkill openat unlinkat pselect6 unshare splice tee preadv "
         "prlimit64 setns getrandom bpf execveat statx io_uring_setup clone3 openat2 landlock_restrict_self").split()

def fixed():
    everything = ["X86_64", "X86", "X32"]
    yield "one-call", "amd64", profile("KILL", [rule("getpid")])
    yield "no-rule", "amd64", profile("ERRNO", [], everything)
    yield "three-abis", "amd64", profile("ERRNO", [rule("read write exit socket connect semop shmget accept recv ioctl execve")], everything)
    yield "x32-listed", "amd64", profile("KILL_PROCESS", [rule("read rt_sigaction ioctl")], ["X86_64", "X32"])
    yield "i386-listed", "amd64", profile("ERRNO", [rule("read _llseek mmap2 socketcall ipc clock_gettime64")], ["X86"])
    yield "deny-list", "amd64", profile("ALLOW", [rule("mount bpf socket", "ERRNO"), rule("ptrace", "KILL_PROCESS")], everything)
    yield "actions", "amd64", profile("TRAP", [
        rule("read"), rule("write", "KILL"), rule("open", "KILL_PROCESS"), rule("close", "TRACE", errnoRet=77), rule("stat", "LOG"),
        rule("fstat", "ERRNO"), rule("lstat", "ERRNO", errnoRet=0), rule("poll", "ERRNO", errnoRet=4094), rule("lseek", "TRAP")], everything)
    yield "unconditional-wins", "amd64", profile("ERRNO", [
        rule("read", args=[arg(0, "EQ", 3)]), rule("read", "LOG"), rule("write", "LOG"), rule("write", args=[arg(0, "EQ", 3)]),
        rule("close", "LOG"), rule("close", "KILL"), rule("dup", "LOG", [arg(0, "MASKED_EQ", 0, 5)]), rule("dup", "KILL", [arg(0, "EQ", 1)])])
    yield "one-argument-twice", "amd64", profile("ERRNO", [rule("ioctl", args=[arg(1, "EQ", 5), arg(1, "GT", 0x100000000), arg(0, "LT", 9)])], ["X86"])
    yield "same-as-default", "amd64", profile("ERRNO", [
        rule("personality", args=[arg(0, "EQ", 8)]), rule("personality", "ERRNO", errnoRet=1), rule("setns", "ERRNO")], defaultErrnoRet=1)
    yield "arm", "arm64", profile("ERRNO", [rule("read set_tls mmap2 openat clone3 socket"), rule("ioctl", args=[arg(1, "LE", 0x5412)])], ["AARCH64", "ARM"])
    yield "arm64-only", "arm64", profile("KILL", [rule("read openat2 socket semop")], ["MIPS"][:0])
    for op in OPS[1:]:
        rules = [rule(call, args=[arg(n % 6, op[9:], edge, EDGES[-n - 1])]) for n, (call, edge) in enumerate(zip(CALLS, EDGES))]
        yield "operator-" + op[9:].lower().replace("_", "-"), "amd64", profile("ERRNO", rules, everything)

def randomly(seed):
    rnd = random.Random(seed)
    goarch = "arm64" if seed % 5 == 0 else "amd64"
    arches = rnd.sample(["X86_64", "X86", "X32"] if goarch == "amd64" else ["ARM"], rnd.randint(0, 3 if goarch == "amd64" else 1))
    default = rnd.choice(["ERRNO", "ALLOW", "KILL", "LOG", "KILL_PROCESS"])
    actions = [a for a in ["ERRNO", "ALLOW", "KILL", "LOG", "TRAP", "KILL_PROCESS"] if a != default]
    rules = []
    for call in rnd.sample(CALLS, rnd.randint(1, len(CALLS))):
        act = rnd.choice(actions)
        if rnd.random() < 0.5:
            rules.append(rule(call, act))
            continue
        # Several rules for one call: here with EQ on one argument; see mixed().
        several = rnd.random() < 0.5
        indexes = [[rnd.randrange(6)]] * rnd.randint(2, 4) if several else [sorted(rnd.sample(range(6), rnd.randint(1, 6)))]
        for chosen in indexes:
            args = [arg(i, "EQ" if several else rnd.choice(OPS[1:])[9:], rnd.choice(EDGES + [rnd.getrandbits(64)]),
                        rnd.choice(EDGES + [rnd.getrandbits(64)])) for i in chosen]
            rules.append(rule(call, act, args))
    return f"random-{seed:03}", goarch, profile(default, rules, arches)

def mixed(seed):
    """Several rules for one call, on any arguments: EQ and MASKED_EQ only. With
    the others libseccomp merges what is not the same, see differs()."""
    rnd = random.Random(1000 + seed)
    default, act = rnd.sample(["ERRNO", "ALLOW", "KILL", "LOG", "TRAP"], 2)
    rules = []
    for call in rnd.sample(CALLS, 12):
        for _ in range(rnd.randint(2, 3)):
            chosen = sorted(rnd.sample(range(6), rnd.randint(1, 2)))
            rules.append(rule(call, act, [arg(i, rnd.choice(["EQ", "MASKED_EQ"]), rnd.choice(EDGES), rnd.choice(EDGES)) for i in chosen]))
    return f"mixed-{seed:03}", "amd64", profile(default, rules, rnd.sample(["X86_64", "X86", "X32"], rnd.randint(0, 3)))

def differs():
    """Where libseccomp does not answer as the rules read, see TestDiffers."""
    yield "differs-upper-half", [rule("ioctl", args=[arg(0, "LT", 1)]), rule("ioctl", args=[arg(0, "LT", 1 << 32 | 2)])]
    yield "differs-upper-half-lets-through", [rule("ioctl", args=[arg(0, "LT", 1)]), rule("ioctl", args=[arg(0, "GE", 1 << 32 | 2)])]
    yield "differs-ordered", [rule("ioctl", args=[arg(0, "LE", 3), arg(1, "GE", 2)]), rule("ioctl", args=[arg(0, "GE", 2)])]
    yield "differs-ordered-lets-through", [rule("ioctl", args=[arg(0, "LE", 2), arg(2, "EQ", 1)]), rule("ioctl", args=[arg(0, "GT", 3)])]
    yield "differs-not-equal", [rule("ioctl", args=[arg(0, "NE", 3), arg(1, "NE", 3)]), rule("ioctl", args=[arg(0, "EQ", 1), arg(1, "GT", 1)])]

def finishes(goarch, prof):
    """libseccomp needs exponential time for some profiles. That shows in a child."""
    child = os.fork()
    if child == 0:
        signal.alarm(3)
        export(goarch, prof)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0

def main():
    version = lib.seccomp_version().contents
    jobs = list(fixed()) + [randomly(seed) for seed in range(40)] + [mixed(seed) for seed in range(20)]
    jobs += [(name, "amd64", profile("ERRNO", rules)) for name, rules in differs()]
    for path in sys.argv[2:]:
        with open(path) as f:
            jobs.append((os.path.basename(path).removesuffix(".json"), "amd64", json.load(f)))
    for name, goarch, prof in jobs:
        if not finishes(goarch, prof):
            print(f"{name}: libseccomp takes too long; left out", file=sys.stderr)
            continue
        document = {"libseccomp": f"{version.major}.{version.minor}.{version.micro}", "goarch": goarch, "profile": prof,
                    "filter": base64.b64encode(export(goarch, prof)).decode()}
        with open(os.path.join(sys.argv[1], name + ".json"), "w") as f:
            json.dump(document, f)
            f.write("\n")

main()
