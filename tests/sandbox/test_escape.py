"""What code tries that means harm. Each attempt is made from inside, and each is refused."""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import psutil
import pytest

from sandbox.sandbox_runs import WAIT, content, ok, once, run
from understudy.clock import SystemClock
from understudy.errors import InvalidName, NoSuchFile, SandboxError
from understudy.tools.sandbox import cell, open_sandbox
from waiting import eventually

HERE = Path(__file__).resolve()
TRIED = """
def tried(what):
    try:
        return what()
    except BaseException as error:
        return type(error).__name__
"""


@pytest.fixture
def attempt(shared):
    """Evaluates an expression inside: its value as text, or the name of what it raised."""

    async def attempt(expression, before=""):
        return (await ok(shared, f"{TRIED}\n{before}\ntried(lambda: {expression})")).strip("'")

    return attempt


@contextlib.contextmanager
def listening(family, address):
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        server.settimeout(0)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


async def test_the_loopback_of_the_host_is_unreachable(attempt):
    with listening(socket.AF_INET, ("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert (
            await attempt(f"socket.create_connection(('127.0.0.1', {port}), 2)", "import socket")
            == "ConnectionRefusedError"
        )


async def test_no_network_is_reached(attempt):
    for address in ("8.8.8.8", "169.254.169.254", "10.0.0.1"):
        assert await attempt(f"socket.create_connection(('{address}', 80), 2)", "import socket") == "OSError"
    assert await attempt("socket.create_connection(('2001:4860:4860::8888', 80), 2)") == "OSError"
    assert await attempt("socket.getaddrinfo('example.com', 80)") == "gaierror"
    assert await attempt("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)") == "PermissionError"


async def test_the_sandbox_has_only_a_loopback_interface(shared):
    assert await ok(shared, "import socket\n[name for _, name in socket.if_nameindex()]") == "['lo']"


async def test_sockets_of_the_host_without_a_path_are_not_there(attempt):
    with listening(socket.AF_UNIX, "\0understudy-" + secrets.token_hex(4)) as server:
        name = server.getsockname()
        assert (
            await attempt(f"socket.socket(socket.AF_UNIX).connect({name!r})", "import socket")
            == "ConnectionRefusedError"
        )


async def test_other_kinds_of_sockets_are_refused(attempt):
    """A virtual machine's host is reached by AF_VSOCK, which no network namespace keeps apart."""
    for family in ("socket.AF_VSOCK", "socket.AF_PACKET", "socket.AF_ALG", "socket.AF_CAN"):
        assert await attempt(f"socket.socket({family}, socket.SOCK_DGRAM)", "import socket") == "OSError"
    assert await attempt("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)", "import socket") == "OSError"
    for family in ("socket.AF_INET", "socket.AF_INET6"):
        for kind, protocol in (("STREAM", 262), ("STREAM", 132), ("SEQPACKET", 132), ("DGRAM", 136), ("DCCP", 33)):
            number = {"DCCP": "6"}.get(kind, f"socket.SOCK_{kind}")
            assert await attempt(f"socket.socket({family}, {number}, {protocol})", "import socket") == "OSError"
        for kind, protocol in (("STREAM", 0), ("STREAM", 6), ("DGRAM", 17)):
            opened = f"socket.socket({family}, socket.SOCK_{kind}, {protocol}).proto"
            assert await attempt(opened, "import socket") == str(protocol)
    assert await attempt("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).proto", "import socket") == "0"


async def test_no_file_of_the_host_is_visible_inside(attempt, tmp_path):
    secret = tmp_path / "understudy.db"
    secret.write_text("key")
    tmp_path.chmod(0o777)
    for path in (secret, __file__, "/etc/shadow", "/etc/hostname", "/root/.ssh", "/var/lib", "/home", "/sys", "/boot"):
        assert await attempt(f"os.stat({str(path)!r})", "import os") == "FileNotFoundError", path
    inside = eval(await attempt("sorted(os.listdir('/etc'))", "import os"))
    assert set(inside) <= {"fonts", "group", "hosts", "ld.so.cache", "localtime", "nsswitch.conf", "passwd"}


async def test_the_system_cannot_be_written(attempt):
    for path in ("/x", "/usr/x", "/etc/passwd", "/opt/understudy/guest/start.py", sys.prefix + "/x", "/dev/x"):
        assert await attempt(f"open({path!r}, 'w')") in {"OSError", "FileNotFoundError", "PermissionError"}, path
    assert await attempt("open(os.path.join(sys.prefix, 'x'), 'w')", "import os, sys") == "OSError"
    for name in ("sys/kernel/hostname", "sys/kernel/core_pattern", "sysrq-trigger"):
        refused = await attempt(f"open('/proc/{name}', 'w')")
        assert refused in {"OSError", "PermissionError", "FileNotFoundError"}, name


async def test_no_environment_variable_of_the_host_is_visible_inside(monkeypatch, new_sandbox):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-host")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/path-of-the-host")
    session = await (await new_sandbox()).open("environment")
    shown = await ok(session, "import os\nsorted(os.environ)")
    assert "OPENAI_API_KEY" not in shown
    assert "UNDERSTUDY" not in shown
    everything = (
        "''.join(open(f'/proc/{n}/environ').read() for n in os.listdir('/proc') if n.isdigit() and n not in '12')"
    )
    assert "of-the-host" not in await ok(session, everything)


async def test_processes_of_the_host_are_not_seen_and_not_reached(attempt):
    seen = await attempt("[open(f'/proc/{n}/cmdline').read() for n in os.listdir('/proc') if n.isdigit()]", "import os")
    assert "pytest" not in seen
    assert len(eval(seen)) < 10
    assert await attempt(f"os.kill({os.getpid()}, 9)", "import os") == "ProcessLookupError"


async def test_sessions_do_not_see_each_other(session, shared):
    await ok(
        session,
        "open('/mnt/data/mine', 'w').write('secret'); open('/tmp/mine', 'w').write('secret')\nimport os, time\nos.getpid()",
    )
    shown = await ok(shared, "import os\n[os.path.exists(path) for path in ('/mnt/data/mine', '/tmp/mine')]")
    assert shown == "[False, False]"
    assert "mine" not in [file.name for file in await shared.list()]


async def test_killing_all_processes_inside_kills_none_outside(session, shared):
    ran = await run(session, "import os, signal\nos.kill(-1, signal.SIGKILL)")
    assert ran.status == "died"
    assert await ok(shared, "1") == "1"
    assert await ok(session, "'a new one'") == "'a new one'"


async def test_stopping_the_relay_ends_the_session_and_nothing_else(new_sandbox, shared, monkeypatch):
    session = await (await new_sandbox(cell_seconds=0.5, interrupt_seconds=0.5)).open("stopped")
    kernel = session._kernel
    monkeypatch.setattr(cell, "_RESTART_SECONDS", 0.5)
    ran = await run(session, "import os, signal\nos.kill(os.getppid(), signal.SIGSTOP)\nwhile True: pass")
    assert ran.status == "timed_out"
    assert ran.ended.lost == "everything"
    assert not kernel.alive
    assert await ok(shared, "1") == "1"


@pytest.fixture
def private(settings):
    """A folder of the server's own within one that every sandbox has."""
    with tempfile.TemporaryDirectory(dir=settings.python.parents[1]) as folder:
        Path(folder).chmod(0o755)
        Path(folder, "understudy.db").write_text("secret")
        yield Path(folder)


async def test_folders_of_the_server_s_own_are_empty_wherever_they_are(settings, private):
    sandbox = open_sandbox(msgspec.structs.replace(settings, warm=0), SystemClock(), private=(private,))
    try:
        session = await sandbox.open("a")
        assert await ok(session, f"import os\nos.listdir('/opt/interpreter/{private.name}')") == "[]"
        assert (await run(session, f"open('/opt/interpreter/{private.name}/x', 'w')")).error.name == "OSError"
        assert await ok(session, "import numpy\nint(numpy.arange(4).sum())") == "6"
    finally:
        await sandbox.stop()


async def test_programs_and_magics_run_inside_as_well(shared):
    ran = await run(shared, f"!id -u; ls {HERE.parent} /home; hostname")
    assert ran.text.splitlines()[0] == "1000"
    assert ran.text.splitlines()[-1] == "sandbox"
    assert ran.text.count("No such file or directory") == 2
    assert (await run(shared, "%%bash\necho $HOME; echo $OPENAI_API_KEY")).text == "/tmp\n\n"


async def test_there_are_no_privileges_and_no_way_to_get_some(attempt):
    status = "{line.split(':')[0]: line.split()[1] for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNew', 'Seccomp:'))}"
    shown = eval(await attempt(status))
    assert {shown[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert shown["NoNewPrivs"] == "1"
    assert shown["Seccomp"] == "2"
    assert await attempt("os.setuid(0)", "import os") in {"PermissionError", "OSError"}
    assert await attempt("os.chroot('/tmp')") == "PermissionError"
    assert await attempt("os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))") == "PermissionError"


async def test_the_kernel_s_wider_surface_is_closed(shared):
    code = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def refused(*call):
    ctypes.set_errno(0)
    return libc.syscall(*call) == -1 and errno.errorcode.get(ctypes.get_errno())
NEWUSER = 0x10000000
[
    refused(101, 0, 0, 0, 0),                      # ptrace(TRACEME)
    refused(310, os.getppid(), 0, 0, 0, 0, 0),     # process_vm_readv
    refused(250, 0, 0, 0),                         # keyctl
    refused(165, 0, 0, 0, 0, 0),                   # mount
    refused(272, NEWUSER),                         # unshare
    refused(56, NEWUSER | 17, 0, 0, 0, 0),         # clone
    refused(435, 0, 0),                            # clone3
    refused(321, 0, 0, 0),                         # bpf
    refused(298, 0, 0, 0, 0, 0),                   # perf_event_open
    refused(425, 8, 0),                            # io_uring_setup
    refused(319, b"x", 0),                         # memfd_create
    refused(29, 0, 4096, 0o1600),                  # shmget
    refused(323, 0),                               # userfaultfd
    refused(304, 0, 0, 0),                         # open_by_handle_at
    refused(246, 0, 0, 0, 0),                      # kexec_load
    refused(16, 0, 0x5412, b"x"),                  # ioctl(TIOCSTI)
    refused(278, 1, 0, 0, 0),                      # vmsplice
    refused(206, 1, 0),                            # io_setup
    refused(9, 0, 4096, 3, 0x21, -1, 0),           # mmap(MAP_SHARED | MAP_ANONYMOUS)
    refused(28, 0, 4096, 21),                      # madvise(MADV_PAGEOUT)
    refused(467, 0, 0, 0),                         # younger than the filter
    refused(0x40000000 + 39),                      # by the numbers of x32
]
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are those of x86_64")
    refused = eval(await ok(shared, code))
    assert refused == ["EPERM"] * 6 + ["ENOSYS"] + ["EPERM"] * 13 + ["ENOSYS", "EPERM"]


async def test_the_first_process_cannot_be_inspected_or_stopped_and_has_the_limits(attempt):
    """Written to from inside, it would be a place for code that no limit holds and no new kernel ends."""
    for name in ("mem", "environ", "fd", "cwd", "map_files"):
        assert await attempt(f"os.listdir('/proc/1/{name}')", "import os") in {"PermissionError", "NotADirectoryError"}
    assert await attempt("open('/proc/1/mem', 'r+b')") == "PermissionError"
    assert await attempt("[os.kill(1, number) for number in (9, 19)]", "import os") == "[None, None]"
    limits = await attempt("[l.split()[3] for l in open('/proc/1/limits') if 'data' in l or 'open files' in l]")
    assert "unlimited" not in limits
    assert await attempt("os.getppid()", "import os") == "2"


async def test_attributes_of_files_take_no_memory_of_the_kernel(attempt):
    """Each may have 64 KiB of it, and no size of a file system counts them."""
    before = "import os, shutil\nopen('attributes', 'w').close()"
    assert await attempt("os.setxattr('attributes', 'user.x', b'1')", before) == "OSError"
    assert await attempt("shutil.copy2('attributes', 'copied')") == "copied"
    assert await attempt("[os.remove(name) for name in ('attributes', 'copied')]") == "[None, None]"


async def test_command_lines_and_tracebacks_have_no_path_of_the_host(shared, settings):
    command_lines = "[open(f'/proc/{n}/cmdline').read() for n in os.listdir('/proc') if n.isdigit()]"
    shown = await ok(shared, f"import os, sys\n{command_lines}, sys.path, sys.prefix, sys.executable, dict(os.environ)")
    ran = await run(shared, "import pandas\npandas.read_csv('none.csv')")
    home, base = settings.python.parents[1], settings.python.resolve().parents[1]
    for text in (shown, ran.error.traceback):
        assert str(home) not in text
        assert str(base) not in text or base.is_relative_to("/usr")
        assert str(HERE.parents[2]) not in text
    assert "/opt/interpreter/lib/" in ran.error.traceback


async def test_the_relay_cannot_be_inspected(attempt):
    for name in ("mem", "environ", "fd", "cwd"):
        found = await attempt(f"os.listdir('/proc/{{}}/{name}'.format(os.getppid()))", "import os")
        assert found in {"PermissionError", "NotADirectoryError"}, name
    assert await attempt("open('/proc/{}/mem'.format(os.getppid()), 'r+b')") == "PermissionError"


async def test_links_do_not_lead_out(session):
    secret = HERE
    code = f"""
import os
os.symlink({str(secret)!r}, 'link.txt')
os.symlink({str(secret.parent)!r}, 'folder')
os.symlink('/proc/self/environ', 'environ')
os.symlink('/', 'root')
open('real.txt', 'w').write('mine')
os.symlink('real.txt', 'inner')
"""
    await ok(session, code)
    assert [file.name for file in await session.list()] == ["real.txt"]
    for name in ("link.txt", f"folder/{secret.name}", "environ", "root/etc/passwd", "inner"):
        with pytest.raises(NoSuchFile):
            await content(session, name)
    with pytest.raises(NoSuchFile):
        await session.remove(f"folder/{secret.name}")
    assert secret.exists()


async def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(session, tmp_path):
    target = tmp_path / "target"
    target.write_text("the host's")
    tmp_path.chmod(0o777)
    target.chmod(0o666)
    await ok(session, f"import os\nos.symlink({str(target)!r}, 'in.csv')")
    await session.put("in.csv", once(b"ours"))
    assert target.read_text() == "the host's"
    assert await ok(session, "os.path.islink('in.csv'), open('in.csv').read()") == "(False, 'ours')"


async def test_folders_that_turn_into_links_lead_nowhere(session):
    """Code that checks a path and then opens it sometimes loses this race."""
    secret = HERE
    code = f"""
import os, threading
os.mkdir('real')
open('real/{secret.name}', 'w').write('mine')
os.symlink({str(secret.parent)!r}, 'fake')
def swap():
    while True:
        for one in ('real', 'fake'):
            try:
                os.rename(one, 'it'); os.rename('it', one)
            except OSError: pass
threading.Thread(target=swap, daemon=True).start()
"""
    await ok(session, code)
    for _ in range(300):
        with contextlib.suppress(NoSuchFile):
            assert await content(session, f"it/{secret.name}") == b"mine"


async def test_names_that_could_lead_out_are_refused(session):
    await ok(session, "1")
    for name in (
        "../x",
        "/etc/passwd",
        "a/../../x",
        "",
        ".",
        "..",
        "a\nb",
        "a\0b",
        "\x1b[2J",
        ".hidden",
        "x" * 300,
        "\u202egnp.exe",
        "a\\b",
    ):
        with pytest.raises(InvalidName):
            await session.put(name, once(b""))
        with pytest.raises(InvalidName):
            await content(session, name)
        with pytest.raises(InvalidName):
            await session.remove(name)


async def test_files_with_such_names_are_not_listed(session):
    code = r"""
import os
for name in (b'a\nb', b'\x1b[2Jx', b'\xff\xfe', '\u202egnp.exe'.encode(), b'.hidden', b'back\\slash', b'good.txt'):
    open(os.path.join(b'/mnt/data', name), 'w').close()
os.mkdir('/mnt/data/bad\nfolder'); open('/mnt/data/bad\nfolder/x', 'w').close()
"""
    await ok(session, code)
    assert [file.name for file in await session.list()] == ["good.txt"]


async def test_pipes_folders_and_sockets_are_not_found_as_files(session):
    code = "import os, socket\nos.mkfifo('pipe')\nos.mkdir('folder')\nserver = socket.socket(socket.AF_UNIX)\nserver.bind('socket')"
    await ok(session, code)
    assert await session.list() == []
    for name in ("pipe", "folder", "socket"):
        with pytest.raises(NoSuchFile):
            await content(session, name)


async def test_files_that_are_locked_or_leased_are_not_waited_for(session):
    code = """
import fcntl, os, signal
signal.signal(signal.SIGIO, signal.SIG_IGN)
held = []
for name, lease in (('leased.txt', fcntl.F_WRLCK), ('locked.txt', None)):
    file = os.open(name, os.O_RDWR | os.O_CREAT)
    os.write(file, b'x')
    fcntl.fcntl(file, fcntl.F_SETLEASE, lease) if lease is not None else fcntl.flock(file, fcntl.LOCK_EX)
    held.append(file)
"""
    await ok(session, code)
    async with asyncio.timeout(5):
        assert "locked.txt" in [file.name for file in await session.list()]
        assert await content(session, "locked.txt") == b"x"
        with contextlib.suppress(SandboxError):
            await content(session, "leased.txt")
        await session.put("leased.txt", once(b"ours"))
        await session.remove("locked.txt")


async def test_hard_links_are_files_of_the_sandbox_s_own(session):
    await ok(session, "import os\nopen('a', 'w').write('mine')\nos.link('a', 'b')")
    for path in ("/etc/passwd", "/usr/bin/env"):
        ran = await run(session, f"os.link({path!r}, 'c')")
        assert ran.error.name in {"OSError", "PermissionError"}
    await session.put("a", once(b"ours"))
    assert await content(session, "b") == b"mine"


async def test_pickles_and_markup_are_removed_from_outputs(shared):
    code = r"""
from IPython.display import display
import os, pickle
class Harm:
    def __reduce__(self): return (os.system, ('touch /tmp/understudy-harm',))
display({'application/x-python-pickle': pickle.dumps(Harm()).hex(), 'text/html': '<script>', 'text/plain': 'plain'}, raw=True)
display({'application/x-python-pickle': pickle.dumps(Harm()).hex()}, raw=True)
display({'image/svg+xml': '<svg onload="x()"/>', 'application/javascript': 'x()', 'application/vnd.jupyter.widget-view+json': {}}, raw=True)
get_ipython().kernel.comm_manager
import ipykernel.comm
ipykernel.comm.Comm(target_name='jupyter.widget', data={'state': {}}).send({'method': 'x'})
"""
    ran = await run(shared, code)
    assert ran.value == "plain", ran.outputs
    assert harm() == []


async def test_messages_of_the_code_s_own_making_stay_in_its_session(session, shared):
    """It has the key of its kernel, and may send what it likes on its own sockets."""
    code = """
import ipykernel.kernelapp, json
app = ipykernel.kernelapp.IPKernelApp.instance()
kernel = app.kernel
parent = kernel.get_parent()
deep = None
for _ in range(200): deep = [deep]
for kind, content in (
    ('stream', {'name': 'stdout', 'text': 7}), ('error', {'traceback': deep}), ('status', {'execution_state': deep}),
    ('display_data', {'data': {'image/png': 'A' * 1000}}), ('nonsense', {}), ('stream', {'text': 'forged'}),
):
    app.session.send(app.iopub_socket, kind, content, parent=parent)
    for cell in range(5):
        app.session.send(app.iopub_socket, kind, content, parent={'header': {'msg_id': str(cell)}, 'msg_id': str(cell)})
def send(*parts):
    app.iopub_socket.send_multipart([b'<IDS|MSG>', app.session.sign(parts), *parts])
header = app.session.pack(app.session.msg_header('stream'))
for parts in ([header, b'{}', b'{}', b'[1, 2]'], [header, b'3', b'{}', b'{}'], [b'[' * 5000 + b']' * 5000] * 4, [b'{"msg_id":'] * 4):
    send(*parts)
app.iopub_socket.send_multipart([b'garbage'] * 7)
"""
    ran = await run(session, code)
    assert ran.status == "ok", ran.outputs
    assert await ok(session, "1 + 1") == "2"
    assert await ok(shared, "1 + 1") == "2"


async def test_a_daemon_does_not_survive_its_session(sandbox):
    session = await sandbox.open("daemon")
    mark = "understudy-daemon-" + secrets.token_hex(8)
    code = f"""
import os, subprocess, sys
loop = 'import signal, time, os\\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\\nif os.fork(): os._exit(0)\\nos.setsid()\\ntime.sleep(600)'
subprocess.run([sys.executable, '-c', loop, {mark!r}], start_new_session=True).returncode
"""
    assert await ok(session, code) == "0"
    assert eventually(lambda: marked(mark))
    await session.close()
    assert marked(mark) == []


def harm():
    return list(Path("/tmp").glob("understudy-harm"))


def marked(mark):
    return [process.pid for process in psutil.process_iter(["cmdline"]) if mark in (process.info["cmdline"] or [])]


def test_sandboxes_end_with_the_server_even_if_it_is_killed(settings, tmp_path):
    code = """
import asyncio, sys
from pathlib import Path
from understudy.clock import SystemClock
from understudy.settings import SandboxSettings
from understudy.tools.sandbox import open_sandbox
async def main():
    session = await open_sandbox(SandboxSettings(python=Path(sys.argv[1])), SystemClock()).open("x")
    async for output in session.execute("import subprocess, sys\\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', " + repr(sys.argv[2]) + "])\\n1"):
        pass
    print("started", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    mark = "understudy-orphan-" + secrets.token_hex(8)
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.python), mark], stdout=subprocess.PIPE, text=True
    )
    try:
        assert server.stdout.readline() == "started\n"
        inside = [pid for pid in marked(mark) if pid != server.pid]
        assert inside
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait(WAIT)
        server.stdout.close()
    assert eventually(lambda: not marked(mark))
