"""The filter of system calls, as a program for the kernel. Denies those that computing code does not need.

Written by hand instead of with libseccomp: it is a list of numbers, and the product needs no system library for it. The
numbers are those of the kernel's `unistd.h`; calls newer than `_FIRST_UNKNOWN_SYSCALL` do not exist inside.
"""

import struct
from dataclasses import dataclass
from typing import Final

_NAMES: Final = {
    # Inspecting other processes, and the keyring, which namespaces do not separate.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Mounts and namespaces: most holes were in what an unprivileged user can reach through them.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    # Large parts of the kernel that code here does not need.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    # Memory that belongs to no process, so that limits of processes do not count it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "vmsplice": (278, 75),
    "io_setup": (206, 0),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    # The machine itself.
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "personality": (135, 92),
}
_ATTRIBUTES: Final = {"setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7)}
"""Extended attributes in memory file systems use kernel memory: denied as if unsupported."""
_ONLY_X86: Final = {
    "iopl": 172,
    "ioperm": 173,
    "modify_ldt": 154,
    "uselib": 134,
    "ustat": 136,
    "sysfs": 139,
    "_sysctl": 156,
    "create_module": 174,
    "get_kernel_syms": 177,
    "query_module": 178,
}
_FIRST_UNKNOWN_SYSCALL: Final = 457
_X32: Final = 0x40000000


@dataclass(frozen=True, slots=True)
class _Machine:
    """`audit` is the kernel's number of the architecture; the rest are numbers of calls with inspected arguments."""

    audit: int
    clone: int
    clone3: int
    socket: int
    socketpair: int
    ioctl: int
    mmap: int
    madvise: int
    attributes: tuple[int, ...]
    refused: tuple[int, ...]


_MACHINES: Final = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        clone3=435,
        socket=41,
        socketpair=53,
        ioctl=16,
        mmap=9,
        madvise=28,
        attributes=tuple(x86 for x86, _ in _ATTRIBUTES.values()),
        refused=(*(x86 for x86, _ in _NAMES.values()), *_ONLY_X86.values()),
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        clone3=435,
        socket=198,
        socketpair=199,
        ioctl=29,
        mmap=222,
        madvise=233,
        attributes=tuple(arm for _, arm in _ATTRIBUTES.values()),
        refused=tuple(arm for _, arm in _NAMES.values()),
    ),
}

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _AUDIT, _FIRST, _SECOND, _THIRD, _FOURTH = 0, 4, 16, 24, 32, 40
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _NOSYS, _NOT_SUPPORTED, _NO_FAMILY = _ERRNO | 1, _ERRNO | 38, _ERRNO | 95, _ERRNO | 97
# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_NEW_NAMESPACES: Final = 0x7E020000
_UNIX: Final = 1
_INTERNET: Final = (2, 10)
"""AF_UNIX, AF_INET and AF_INET6 end in the sandbox's own network. AF_VSOCK, for one, would not."""
_PROTOCOLS: Final = (0, 1, 6, 17, 58)
"""ICMP, TCP and UDP. For SCTP, DCCP, MPTCP or others, the kernel would load modules that nothing needs."""
_NETLINK, _NETLINK_ROUTE = 16, 0
"""Libraries list the addresses of the machine with it, here those of the sandbox. No other protocol is allowed."""
_TERMINAL_REQUESTS: Final = (0x5412, 0x541C)
"""TIOCSTI and TIOCLINUX insert characters into another user's terminal."""

_MAP_ANONYMOUS, _MAP_SHARED = 0x20, 0x01
"""Together: shared memory without a process, which limits of processes do not count."""
_MEMORY_ADVICE: Final = (20, 21)
"""MADV_COLD and MADV_PAGEOUT push memory to the swap, where it is not counted either."""


def program(machine: str) -> bytes | None:
    """The filter for `platform.machine()`; None for an unsupported machine."""
    machine_calls = _MACHINES.get(machine)
    if machine_calls is None:
        return None
    steps = [
        _instruction(_LOAD, _AUDIT),
        _instruction(_EQUAL, machine_calls.audit, 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        *_return_when(_AT_LEAST, _X32, _EPERM),
        *_return_when(_AT_LEAST, _FIRST_UNKNOWN_SYSCALL, _NOSYS),
        # Its flags are in memory, which a filter cannot read; without it the C library uses clone.
        *_return_when(_EQUAL, machine_calls.clone3, _NOSYS),
    ]
    for number in machine_calls.refused:
        steps += _return_when(_EQUAL, number, _EPERM)
    for number in machine_calls.attributes:
        steps += _return_when(_EQUAL, number, _NOT_SUPPORTED)
    steps += _argument(machine_calls.clone, _FIRST, _return_when(_ANY_BIT, _NEW_NAMESPACES, _EPERM))
    for number in (machine_calls.socket, machine_calls.socketpair):
        steps += _argument(number, _FIRST, _families())
    requests = [step for request in _TERMINAL_REQUESTS for step in _return_when(_EQUAL, request, _EPERM)]
    steps += _argument(machine_calls.ioctl, _SECOND, requests)
    steps += _argument(machine_calls.mmap, _FOURTH, _return_when_both(_MAP_ANONYMOUS, _MAP_SHARED, _EPERM))
    advice = [step for one in _MEMORY_ADVICE for step in _return_when(_EQUAL, one, _EPERM)]
    steps += _argument(machine_calls.madvise, _THIRD, advice)
    return b"".join([*steps, _instruction(_RETURN, _ALLOW)])


def _argument(call: int, place: int, steps: list[bytes]) -> list[bytes]:
    """Steps that inspect the low half of an argument of one call; other calls skip them."""
    body = [_instruction(_LOAD, place), *steps, _instruction(_RETURN, _ALLOW)]
    return [_instruction(_EQUAL, call, 0, len(body)), *body]


def _families() -> list[bytes]:
    return [
        *_return_when(_EQUAL, _UNIX, _ALLOW),
        *(step for family in _INTERNET for step in _protocols(family, _PROTOCOLS)),
        *_protocols(_NETLINK, (_NETLINK_ROUTE,)),
        _instruction(_RETURN, _NO_FAMILY),
    ]


def _protocols(family: int, allowed: tuple[int, ...]) -> list[bytes]:
    """Allows these protocols for one family; for another one the first argument stays loaded."""
    body = [_instruction(_LOAD, _THIRD), *(step for one in allowed for step in _return_when(_EQUAL, one, _ALLOW))]
    body.append(_instruction(_RETURN, _NO_FAMILY))
    return [_instruction(_EQUAL, family, 0, len(body)), *body]


def _return_when(test: int, value: int, verdict: int) -> list[bytes]:
    return [_instruction(test, value, 0, 1), _instruction(_RETURN, verdict)]


def _return_when_both(first: int, second: int, verdict: int) -> list[bytes]:
    """Returns the verdict if both bits are set."""
    return [_instruction(_ANY_BIT, first, 0, 2), _instruction(_ANY_BIT, second, 0, 1), _instruction(_RETURN, verdict)]


def _instruction(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)
