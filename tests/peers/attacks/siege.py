"""What an attack does to others: good traffic is measured before it, under it and after it.

What is allowed, and why:

- The 99th percentile of good traffic under an attack is at most twice that of the 4 s before it, or, where that was
  less, of 4 s after it, once the node has recovered by the measure of before. Quiet values below
  FLOOR count as FLOOR: on a machine of two shared processors the scheduler alone makes half a millisecond of difference,
  and twice of very little is very little. What an attack could hope for (a thread held, a lock, a queue) is far more.
- The attacker is another process, which has the processor when nobody else wants it, and paced: the attack, and not a
  fight for the processor between the attacker and the one who measures, is what is looked at. The service has no such
  help: what the attack makes it work for, it takes from good traffic.
- What depends on the clock (the percentile, the 5 s of recovery, deadlines) may fail twice for each attack, and has to
  hold in the third attempt: others use this machine. All else (a good request that is not answered, memory, files,
  what the attack gets for an answer) has to hold at once.
"""

import collections
import contextlib
import gc
import multiprocessing
import os
import pathlib
import re
import socket
import ssl
import time
import traceback

from harness import request

FLOOR = 0.0005
ATTEMPTS = 3
RECOVERED_WITHIN = 5
# Seconds of quiet: of 1,000 requests ten may be later than the percentile. Of the 375 that it was before, three.
QUIET = 4
# Requests a second of good traffic, on two connections.
RATE = 250
# Files of the node that come and go without an attack: newcomers, a look at the metrics, at the ring.
OTHER_FILES = 4

# Memory in MiB and files are what the node may take beyond what it has at rest; `held` files it has to take for the attack to
# have happened.
Attack = collections.namedtuple("Attack", "row name strike memory files held", defaults=(0,))
# What was seen: a sentence, whether it holds, what there is to tell, whether the clock decided it, and by when the
# attacker's connections have to be gone for it to hold.
Fact = collections.namedtuple("Fact", "sentence holds told timed by", defaults=(True, "", False, None))
# Where to attack, with what, and the deadlines in seconds that the node was given; what good traffic asks, what its answer
# has in it, and the listener's name.
Target = collections.namedtuple("Target", "api admin credential token ca deadlines good answered listener")


def besiege(count, node, target, attack):
    """Counts what an attack does, in up to ATTEMPTS attempts."""
    for attempt in range(1, ATTEMPTS + 1):
        facts, told = attempted(node, target, attack)
        late = [fact.sentence for fact in facts if fact.timed and not fact.holds]
        if attempt == ATTEMPTS or not late or any(not (fact.holds or fact.timed) for fact in facts):
            break
        print(f"     {attack.row} {attack.name}, attempt {attempt}: {told}; not yet: {'; '.join(late)}", flush=True)
    for fact in facts:
        count.that(f"{attack.row} {attack.name}: {fact.sentence}", fact.holds, f"{fact.told}\n{told}")
    print(f"     {told}", flush=True)


def attempted(node, target, attack):
    """What one attempt showed, and its numbers."""
    process = Watched(node.process.pid)
    with Traffic(target) as traffic:
        quiet = percentile(traffic.lasting(QUIET))
        memory, files = process.memory(), process.files()
        process.forget_peak()
        most_files, last_there = files, time.monotonic()
        with Attacker(attack, target) as attacker:

            def over():
                nonlocal most_files, last_there
                if (now := process.files()) > files + OTHER_FILES:
                    most_files, last_there = max(most_files, now), time.monotonic()
                return attacker.is_over()

            taken = traffic.until(over, newcomers=True)
        seen, peak = attacker.facts(), process.peak()
        bound = 2 * max(quiet, FLOOR)
        after = recovered(traffic, target, process, bound, files)
        under = percentile(taken)
        if under > bound and after <= RECOVERED_WITHIN:
            later = percentile(traffic.lasting(QUIET))
            quiet, bound = max(quiet, later), max(bound, 2 * later)
    grown, opened = (peak - memory) / 1024, most_files - files
    told = (
        f"p99 quiet {quiet * 1e3:.1f} ms, under attack {under * 1e3:.1f} ms ({len(taken)} requests, slowest "
        f"{max(taken) * 1e3:.0f} ms); memory +{grown:.1f} MiB, files +{opened}, recovered in {after:.1f} s"
    )
    facts = [fact if fact.by is None or not fact.holds else fact._replace(holds=last_there <= fact.by, timed=True) for fact in seen]
    if attack.held:
        facts.append(Fact(f"at least {attack.held:,} of them are there at once", opened >= attack.held, timed=True))
    quietly = f"its p99 stays under twice its quiet value, which counts as {FLOOR * 1e3:g} ms at least"
    again = f"{RECOVERED_WITHIN} s later latency, connections and files are what they were"
    facts += [
        Fact("good traffic is answered 200, newcomers' too", not traffic.wrong, traffic.wrong[:5]),
        Fact(quietly, under <= bound, timed=True),
        Fact(f"the process takes at most {attack.memory} MiB more", grown <= attack.memory),
        Fact(f"and opens at most {attack.files:,} files more", opened <= attack.files),
        Fact(again, after <= RECOVERED_WITHIN, timed=True),
        Fact("the node goes on", not node.ended()),
    ]
    return facts, told


def recovered(traffic, target, process, bound, files):
    """Seconds until all is quiet again; twice of what is allowed where it is not."""
    began = time.monotonic()
    while (now := time.monotonic()) < began + 2 * RECOVERED_WITHIN:
        took = traffic.lasting(0.4)
        # The good traffic's own connections.
        if percentile(took) <= bound and connections(target) <= 2 and process.files() <= files + OTHER_FILES:
            return now - began
    return 2 * RECOVERED_WITHIN


def connections(target):
    """What the node's gauge says of the listener."""
    text = request(target.admin, "GET", "/metrics").body
    return int(re.search(rf'^saddlebag_connections\{{listener="{target.listener}"\}} (\d+)$', text, re.M)[1])


def percentile(times):
    return sorted(times)[len(times) * 99 // 100] if times else float("inf")


class Traffic:
    """Good callers: two connections that stay, each of which asks the same again and again."""

    def __init__(self, target):
        self.target = target
        self.wrong = []

    def __enter__(self):
        self.streams = [connected(self.target.api, ca=self.target.ca) for _ in range(2)]
        return self

    def __exit__(self, *_):
        for stream in self.streams:
            stream.close()

    def lasting(self, seconds):
        end = time.monotonic() + seconds
        return self.until(lambda: time.monotonic() > end)

    def until(self, over, newcomers=False):
        """Seconds that each request took from when it was due, until `over()`; with a newcomer each half second."""
        taken, due = [], time.monotonic()
        next_newcomer = due + 0.1
        gc.disable()
        while not over():
            due = max(due + 1 / RATE, time.monotonic() - 0.25)
            time.sleep(max(0, due - time.monotonic()))
            stream = self.streams[len(taken) % len(self.streams)]
            self.ask(stream)
            taken.append(time.monotonic() - due)
            if newcomers and time.monotonic() > next_newcomer:
                next_newcomer += 0.5
                self.newcomer()
                due = time.monotonic()
        gc.enable()
        return taken

    def ask(self, stream):
        try:
            stream.sendall(self.target.good)
            answer = answer_of(stream)
        except OSError as error:
            answer = str(error).encode()
        if not (answer.startswith(b"HTTP/1.1 200 ") and self.target.answered in answer):
            self.wrong.append(answer[:300])
            time.sleep(0.05)

    def newcomer(self):
        try:
            with contextlib.closing(connected(self.target.api, ca=self.target.ca)) as stream:
                self.ask(stream)
        except OSError as error:
            self.wrong.append(f"a newcomer: {error}")


def connected(address, source=None, ca=None, patience=5, window=None):
    """A connection, from an address of this machine, with as little room for what comes as is asked for."""
    host, port = address.rsplit(":", 1)
    stream = socket.socket()
    stream.settimeout(patience)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if window:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    try:
        if source:
            stream.bind((source, 0))
        stream.connect((host, int(port)))
        if ca:
            stream = ssl.create_default_context(cafile=ca).wrap_socket(stream, server_hostname=host)
    except BaseException:
        stream.close()
        raise
    return stream


def answer_of(stream):
    """One answer of HTTP/1.1, as far as it comes: head and body."""
    answer, whole = b"", None
    while whole is None or len(answer) < whole:
        piece = stream.recv(65_536)
        if not piece:
            break
        answer += piece
        if whole is None and (end := answer.find(b"\r\n\r\n")) >= 0:
            length = re.search(rb"\r\ncontent-length: (\d+)", answer[:end].lower())
            whole = end + 4 + (int(length[1]) if length else 0)
    return answer


class Watched:
    """What /proc says of a process."""

    def __init__(self, pid):
        self.folder = pathlib.Path(f"/proc/{pid}")

    def memory(self):
        return self.kilobytes("VmRSS")

    def peak(self):
        return self.kilobytes("VmHWM")

    def forget_peak(self):
        (self.folder / "clear_refs").write_text("5")

    def files(self):
        # Newer kernels tell the number as the folder's size, which takes no time at all.
        return os.stat(self.folder / "fd").st_size or len(os.listdir(self.folder / "fd"))

    def kilobytes(self, name):
        return int(re.search(rf"^{name}:\s+(\d+) kB$", (self.folder / "status").read_text(), re.M)[1])


class Attacker:
    """An attack in a process of its own, which has the processor when nobody else wants it."""

    def __init__(self, attack, target):
        context = multiprocessing.get_context("fork")
        self.told, telling = context.Pipe(duplex=False)
        self.process = context.Process(target=attacking, args=(attack, target, telling), daemon=True)
        self.seen = None

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        # Its connections end with it.
        self.process.terminate()
        self.process.join()

    def is_over(self):
        return self.told.poll() or not self.process.is_alive()

    def facts(self):
        try:
            return self.told.recv()
        except EOFError:
            return [Fact("the attacker runs to its end", False)]


def attacking(attack, target, telling):
    # Whoever else wakes up takes the processor at once: from a process of low priority only when its slice of
    # milliseconds is over.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    # Those of the script are not for this process.
    import signal

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    try:
        facts = attack.strike(target)
    except Exception:
        facts = [Fact("the attacker runs to its end", False, traceback.format_exc())]
    telling.send(facts)
