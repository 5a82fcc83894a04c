"""The report of a run, written from its files alone: every number in it is marked while it is written, so that a check can
tell that none came from elsewhere (see `unmarked`)."""

import re
import statistics

from faults import FAULTS
from links import LINKS, REQUESTS
from model import OTHERS, RATES, Run
from servers import SYSTEMS

# Around what was read from a file.
OPEN, CLOSE = "\ue000", "\ue001"
# Names that have digits, and are no numbers: the protocols, links and quantiles, the algorithms and the units.
NAMES = r"HTTP/1\.1|HTTP/2|HS256|\b[34]G\b|p50|p99|kill -9|nghttp2|h2load|R²|\((?:RFC \d+|section [\d.]+)\)"


def mark(text):
    return f"{OPEN}{text}{CLOSE}"


def number(value, digits=0):
    """A number of a file, with commas."""
    return mark(f"{float(value):,.{digits}f}")


def significant(value):
    value = float(value)
    return number(value, 0 if value >= 100 or value == 0 else 1 if value >= 10 else 2 if value >= 0.1 else 4)


def size(value):
    value = int(value)
    return mark(f"{value // 1024} KB") if value >= 1024 and value % 1024 == 0 else mark(f"{value} B")


def percent(value, digits=0):
    return mark(f"{float(value) * 100:.{digits}f} %")


def plain(text):
    """The report without its marks."""
    return text.replace(OPEN, "").replace(CLOSE, "")


def unmarked(text):
    """The lines in which there is a digit that is neither from a file nor part of a name."""
    bare = re.sub(f"{OPEN}[^{CLOSE}]*{CLOSE}", "", text)
    bare = re.sub(NAMES, "", re.sub(r"`[^`]*`|\]\([^)]*\)", "", bare))
    return [line for line in bare.splitlines() if re.search(r"\d", line)]


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def render(folder):
    return Report(Run(folder)).text()


class Report:
    def __init__(self, run):
        self.run = run
        self.summary = {(row["system"], int(row["bytes"])): row for row in run.read("summary")}
        self.crossings = {(row["compared"], row["measure"], row["kind"]): row for row in run.read("crossings")}
        self.parameters = {row["name"]: row["value"] for row in run.read("parameters")}
        self.sizes = sorted({size for _, size in self.summary})
        self.all_sizes = sorted({int(row["bytes"]) for row in run.carried})

    def text(self):
        parts = [
            "# What sessions without a store cost, and what they save",
            self.answer(),
            self.about(),
            "## Processor time\n\n" + self.cpu(),
            "## Where a token costs more\n\n" + self.crossed(),
            "## Bytes on the wire\n\n" + self.wire(),
            "## Thin links\n\n" + self.links(),
            "## Memory\n\n" + self.memory(),
            "## What is lost when something breaks\n\n" + self.faults(),
            "## Reliability against payload\n\n" + self.frontier(),
            "## Beyond this machine\n\n" + self.beyond(),
            "## How it was measured\n\n" + self.method(),
        ]
        return "\n\n".join(parts) + "\n"

    # -- the first paragraph

    def answer(self):
        carried = lambda system: max(size for name, size in self.summary if name == system)
        two = 2048 if ("sealed", 2048) in self.summary else 1024
        ours, redis = self.summary["sealed", two], self.summary["redis", two]
        fits = self.fits()
        stores = [other for other in ("redis", "memcached", "mariadb")]
        dear = {other: self.crossings[other, "cpu", "sealed"]["from_bytes"] for other in stores}
        if not any(dear.values()):
            cpu = (f"Not for processor time: at every size that cookies carried here, up to {size(carried('sealed'))}, a sealed"
                   f" token took less of it than Redis, memcached or MariaDB (at {size(two)}, {number(ours['cpu_us'])} µs a"
                   f" request against {number(redis['cpu_us'])} µs with Redis, everything counted).")
        else:
            told = [f"{SYSTEMS[other]['name']} from {number(found)} bytes on" for other, found in dear.items() if found]
            cpu = f"For processor time a sealed token costs more than {', '.join(told)}."
        links = []
        for link in LINKS:
            found = [self.crossings.get(("id", f"time-{link}-http{http}", "sealed")) for http in (1, 2)]
            links.append(f"{LINKS[link]['name']} {self.from_bytes(found[0], short=True)} over HTTP/1.1 and"
                         f" {self.from_bytes(found[1], short=True)} over HTTP/2")
        losers = [SYSTEMS[system]["name"] for system in OTHERS
                  if any(int(row["lost"]) for row in self.run.faults if row["system"] == system)]
        own = sum(int(row["lost"]) for row in self.run.faults if row["system"] in ("signed", "sealed", "jwt", "header", "needed"))
        rate = 10_000
        cash = self.crossings["redis", f"money-{rate}", "sealed"]
        return (f"**Is 2K the limit?** {cpu} The wire sets the limit. One cookie ends at"
                f" {mark('4,096')} bytes; over HTTP/2 a token is sent once a connection as long as HPACK's table holds it, which here"
                f" ended between {number(fits[0])} and {number(fits[1])} bytes of state, and with every request above. A page of"
                f" {mark(str(REQUESTS))} requests takes {percent(self.parameters['slower'])} longer than with an id from these sizes"
                f" on: {'; '.join(links)}. For money it is the changes that count, since each sends a token down: with one request in"
                f" ten a change, a token costs more than Redis {self.from_bytes(cash)} at {number(rate)} requests a second, and"
                f" {self.from_bytes(self.crossings['redis', 'money-1000', 'sealed'])} at {number(1000)}. What it buys: of all"
                f" faults together, saddlebag lost {number(own)} sessions; {', '.join(losers)} lost some, where their designs say"
                f" so.").replace("Is 2K", f"Is {mark('2K')}")

    def fits(self):
        """The last size at which a token that is sent again is nearly free, and the first at which it is not."""
        rows = sorted((int(row["bytes"]), float(row["next_up"])) for row in self.run.wire if row["system"] == "sealed")
        free = [size for size, again in rows if again < 100]
        return max(free), min(size for size, again in rows if again >= 100)

    def from_bytes(self, row, short=False):
        """Where a crossing is."""
        if row is None:
            return "not measured"
        found, low, high = row["from_bytes"], row["low_bytes"], row["high_bytes"]
        if found == "":
            return "never" if short else "at no size that was carried"
        if found == "0":
            return "always" if short else "at every size"
        if short:
            return number(found)
        bounds = f"{number(low)} to {number(high)}" if high else f"{number(low)} or more"
        return f"from {number(found)} bytes on ({bounds})"

    # -- the parts

    def about(self):
        about = self.run.about
        named = {"haproxy": "HAProxy", "redis": "Redis", "memcached": "memcached", "mariadb": "MariaDB", "h2load": "h2load",
                 "rustc": "rustc"}
        versions = ", ".join(f"{name} {mark(re.search(r'[0-9]+[.][0-9.]*[0-9]', about[key]).group())}" for key, name in named.items())
        parts = [name.removesuffix("_at") for name in about if name.endswith("_at")]
        times = [[part, mark(about[f"{part}_at"]), number(about[f"{part}_minutes"], 1),
                  mark(about[f"{part}_load"]) if about[f"{part}_load"] else "–"] for part in parts]
        minutes = sum(float(about[f"{part}_minutes"]) for part in parts)
        return (f"Measured by `cargo tradeoff` in {number(minutes)} minutes on {mark(about['processor'])},"
                f" {number(about['processors'])} processors, Linux {mark(about['linux'])}. {versions}. The machine is shared: compare"
                f" rows, which were measured in turns, and not with other days. Every number here is from a file of this folder,"
                f" which `benches/tradeoff/check` proves.\n\n"
                + table(["part", "measured until", "minutes", "load before"], times))

    def cpu(self):
        systems = list(SYSTEMS)
        rows = [[SYSTEMS[system]["name"],
                 *(number(self.summary[system, size_]["cpu_us"]) if (system, size_) in self.summary else "–"
                   for size_ in self.all_sizes)] for system in systems]
        at = 1024
        detail = []
        for system in systems:
            row = self.summary[system, at]
            detail.append([SYSTEMS[system]["name"], *(number(row[name], 1) for name in ("app_us", "store_us", "balancer_us")),
                           number(row["requests_per_core_second"]), number(float(row["p50_us"]) / 1000, 2),
                           number(float(row["p99_us"]) / 1000, 2)])
        apart = sorted(float(row["apart"]) for row in self.summary.values())
        repeated = self.run.read("repeated")
        off = [abs(float(row["off"])) for row in repeated]
        whys = sorted({(row["system"], row["why"]) for row in self.run.carried if row["carried"] == "0"})
        reasons = {}
        for system, why in whys:
            reasons.setdefault(self.reason(why), []).append(SYSTEMS[system]["name"])
        told = "; ".join(f"{why} ({', '.join(dict.fromkeys(names))})" for why, names in reasons.items())
        return "\n\n".join([
            "Microseconds of a request, of all processes together: application, store and balancer.",
            table(["system", *(size(one) for one in self.all_sizes)], rows),
            f"–: not carried. Why: {told}.",
            "![CPU time of a request by the size of the state](cpu.svg)",
            f"At {size(at)}: where the time goes, requests a second that one processor of application can take (a million"
            f" microseconds, divided by its own), and what a user waits at {number(self.run.about['rate'])} requests a second, in"
            f" milliseconds.",
            table(["system", "application µs", "store µs", "balancer µs", "requests/s a core", "p50 ms", "p99 ms"], detail),
            f"How well this repeats: half of the cells have rounds that differ from their median by less than"
            f" {percent(statistics.median(apart), 1)} (the median of the differences), nine tenths by less than"
            f" {percent(apart[int(len(apart) * 0.9)], 1)}. Another run, with new servers, at"
            f" {', '.join(size(one) for one in sorted({int(row['bytes']) for row in repeated}))}: CPU as a part of Redis' in the same"
            f" rounds differs by {percent(statistics.median(off), 1)} in the median and {percent(max(off), 1)} at most from the first"
            f" run; more than {percent(self.parameters['agree'])} would not pass for agreement.",
        ])

    @staticmethod
    def reason(why):
        if why.startswith("a cookie"):
            return "a cookie longer than browsers keep"
        code = re.search(r"\d{3}", why)
        return {"500": f"the application says {mark('500')}, the session is too large",
                "502": f"HAProxy says {mark('502')}, the answer's head is larger than its buffer",
                "400": f"HAProxy says {mark('400')}, the request's head is larger than its buffer",
                "503": f"the application says {mark('503')}, the store does not take it",
                }.get(code.group() if code else "", mark(why))

    def crossed(self):
        kinds = ("sealed", "signed", "jwt", "header", "jsonwebtoken")
        head = ["compared with", "by", *(SYSTEMS[kind]["name"] for kind in kinds)]
        rows = []
        for other in ("redis", "memcached", "mariadb"):
            for measure, name in (("cpu", "CPU"), *((f"money-{rate}", f"money at {number(rate)} requests/s") for rate in RATES)):
                rows.append([SYSTEMS[other]["name"], name, *(self.cell(other, measure, kind) for kind in kinds)])
        links = [["an id", f"time, {LINKS[link]['name']}, HTTP/{'1.1' if http == 1 else '2'}", self.cell("id", f"time-{link}-http{http}",
                  "sealed"), self.cell("id", f"time-{link}-http{http}", "needed")] for link in LINKS for http in (1, 2)]
        return "\n\n".join([
            "From which size of state on a token costs more, in bytes of JSON: in brackets what nine tenths of the runs with"
            " resampled rounds say. *Never*: at no size that the token was carried at. *Always*: at every size.",
            table(head, rows),
            f"For links: from where on a page takes {percent(self.parameters['slower'])} longer than with an id.",
            table(["compared with", "by", "token in a cookie", "token in one request of five"], links),
            f"Money is a small model with stated prices: {number(self.parameters['vcpu_hour_usd'], 2)} dollars an hour of a"
            f" processor that is {percent(self.parameters['full'])} full, {number(self.parameters['gigabyte_out_usd'], 2)} a gigabyte"
            f" that goes out (what comes in is free), and machines of the store with"
            f" {number(self.parameters['store_node_processors'])} processors: Redis at least"
            f" {number(self.parameters['redis_nodes_at_least'])} at {number(self.parameters['redis_node_hour_usd'], 2)} an hour,"
            f" memcached {number(self.parameters['memcached_nodes_at_least'])} at"
            f" {number(self.parameters['memcached_node_hour_usd'], 2)}, MariaDB {number(self.parameters['mariadb_nodes_at_least'])} at"
            f" {number(self.parameters['mariadb_node_hour_usd'], 2)}.",
            "![Dollars of a million requests by the size of the state](money.svg)",
        ])

    def cell(self, other, measure, kind):
        row = self.crossings.get((other, measure, kind))
        if row is None:
            return "–"
        text = self.from_bytes(row, short=True)
        if row["from_bytes"] in ("", "0"):
            return text
        return f"{text} ({number(row['low_bytes'])}–{number(row['high_bytes']) if row['high_bytes'] else '…'})"

    def wire(self):
        rows = []
        wired = {(row["system"], int(row["bytes"])): row for row in self.run.wire}
        for system in ("sealed", "signed", "jwt", "jsonwebtoken", "redis", "memory", "pairs"):
            for at in (256, 1024, 3072):
                if (system, at) in self.summary and (system, at) in wired:
                    row, two = self.summary[system, at], wired[system, at]
                    rows.append([SYSTEMS[system]["name"], size(at), number(two["characters"]), number(row["up"]), number(row["down"]),
                                 number(two["first_up"]), number(two["next_up"]), number(two["next_down"])])
        fits = self.fits()
        changing = {(row["system"], int(row["bytes"]), row["change_every"]): row for row in self.run.changing}
        every = list(dict.fromkeys(row["change_every"] for row in self.run.changing))
        changes = [[f"{SYSTEMS[system]['name']}, " + ("no change" if one == "0" else f"one change in {number(one)}"),
                    *(number(changing[system, at, one]["up"]) if (system, at, one) in changing else "–" for at in self.all_sizes)]
                   for system in ("sealed", "memory") for one in every]
        return "\n\n".join([
            "Bytes of a request at the socket, with the heads of both. Over HTTP/1.1 with the changes in one request of ten, whose"
            " answers carry the token; over HTTP/2 without, the first request with what begins its connection.",
            table(["system", "state", "characters carried", "up, HTTP/1.1", "down, HTTP/1.1", "up, HTTP/2, first",
                   "up, HTTP/2, again", "down, HTTP/2"], rows),
            f"nghttp2's encoder (h2load) keeps a cookie in HPACK's table while it is small enough: up to {number(fits[0])} bytes of"
            f" state here, and no longer at {number(fits[1])}.",
            "A token that changes is new to the table. Bytes of a request up over HTTP/2, on one connection of two hundred requests,"
            " by a client with a jar and the encoder of hpack (Python), which keeps all that fits:",
            table(["system", *(size(one) for one in self.all_sizes)], changes),
            "![Bytes of a request by the size of the state](wire.svg)",
        ])

    def links(self):
        times = {}
        for row in self.run.links:
            times.setdefault((row["link"], row["http"], row["carrier"], int(row["bytes"])), []).append(float(row["milliseconds"]))
        times = {key: statistics.median(found) for key, found in times.items()}
        small = min(self.all_sizes)
        rows = []
        for link in LINKS:
            for http, carrier, name in (("1", "sealed", "token"), ("1", "needed", "token in one request of five"), ("2", "sealed", "token")):
                cells = [number(times[link, http, carrier, one]) if (link, http, carrier, one) in times else "–"
                         for one in self.all_sizes]
                if carrier == "sealed":
                    rows.append([f"{LINKS[link]['name']}, HTTP/{'1.1' if http == '1' else '2'}, no session",
                                 number(times[link, http, "nothing", small]), *([""] * (len(cells) - 1))])
                    rows.append([f"{LINKS[link]['name']}, HTTP/{'1.1' if http == '1' else '2'}, id",
                                 number(times[link, http, "memory", small]), *([""] * (len(cells) - 1))])
                rows.append([f"{LINKS[link]['name']}, HTTP/{'1.1' if http == '1' else '2'}, {name}", *cells])
        profiles = "; ".join(f"{about['name']} {mark(about['up'])} KB/s up, {mark(about['down'])} down,"
                             f" {mark(about['rtt'])} ms of round trip" for about in LINKS.values())
        return "\n\n".join([
            f"Milliseconds of a page of {mark(str(REQUESTS))} requests: over six connections of HTTP/1.1, or all at once over one of"
            f" HTTP/2. Toxiproxy has the profiles of WebPageTest ({profiles}). It does not delay the beginning of a connection, and"
            f" loses no packet: a real link is slower for everybody.",
            table(["", *(size(one) for one in self.all_sizes)], rows),
            "![Time of a page by the size of the state, on three links](links.svg)",
        ])

    def memory(self):
        rows = []
        for row in self.run.memory:
            both = int(row["app_bytes"]) + int(row["store_bytes"])
            rows.append([SYSTEMS[row["system"]]["name"], number(row["sessions"]), number(int(row["app_bytes"]) / 2**20, 1),
                         number(int(row["store_bytes"]) / 2**20, 1), number(int(row["disk_bytes"]) / 2**20, 1),
                         number(both / int(row["sessions"]))])
        return "\n\n".join([
            f"MiB that processes have, with so many sessions of {size(self.run.memory[0]['state_bytes'])}. The pairs' second copy"
            " stands under *store*. tower-sessions' store in memory keeps states as trees of values.",
            table(["system", "sessions", "nodes MiB", "store MiB", "disk MiB", "bytes a session"], rows),
            "![Memory by the number of sessions](memory.svg)",
        ])

    def faults(self):
        about = self.run.about
        kinds = [fault for fault in FAULTS if fault != "nothing"]
        found = {(row["system"], row["fault"]): row for row in self.run.faults}
        systems = list(dict.fromkeys(row["system"] for row in self.run.faults))
        kinds = [fault for fault in kinds if any((system, fault) in found for system in systems)]
        lost = [[SYSTEMS[system]["name"], *(self.outcome(found.get((system, fault))) for fault in kinds)] for system in systems]
        well = [[SYSTEMS[system]["name"], *(number(found[system, fault]["well_after_seconds"], 1) if (system, fault) in found else "–"
                                            for fault in kinds)] for system in systems]
        return "\n\n".join([
            f"Three nodes behind HAProxy, {number(about['users'])} users who know what their counters must be,"
            f" {number(about['fault_rate'])} requests a second for {number(about['fault_seconds'], 0)} seconds. *Lost*: the user had to"
            f" log in again, which one user can suffer twice. *Wrong*: another counter than the user left, or a session that should"
            f" be over and was not. *Failed*: no answer, or an error. Lost / wrong / failed:",
            table(["system", *(FAULTS[fault] for fault in kinds)], lost),
            "–: the system has nothing that this could break (or the run was a quick one). Seconds from the fault to the last request that was lost, wrong or"
            " failed:",
            table(["system", *(FAULTS[fault] for fault in kinds)], well),
            "![Sessions lost by system and fault](faults.svg)",
            "Redis runs as its package sets it up, which saves to disk now and then: what it had not saved is lost with it. MariaDB"
            " writes to disk before it answers, and pays for it above. Who comes back to a full store asks once.",
        ])

    @staticmethod
    def outcome(row):
        return "–" if row is None else " / ".join(number(row[name]) for name in ("lost", "wrong", "failed"))

    def frontier(self):
        rows = []
        found = self.run.read("frontier")
        for system in SYSTEMS:
            for row in found:
                if row["system"] == system and row["bytes"] == "1024":
                    rows.append([SYSTEMS[system]["name"], number(row["payload_bytes"]), significant(row["lost_per_million_hours"]),
                                 significant(row["lost_with_deployments"])])
        return "\n\n".join([
            f"Sessions lost of a million that are kept for an hour, where a machine fails once in"
            f" {number(self.parameters['machine_hours_between_failures'])} hours and is replaced within"
            f" {number(self.parameters['repair_minutes'])} minutes; with deployments, once a day. The parts that are lost are those"
            f" measured above, on three nodes. At {size(1024)}:",
            table(["system", "payload, bytes up and down", "lost by failures", "lost with deployments"], rows),
            "![Sessions lost against payload, a point for each system and size](frontier.svg)",
        ])

    def beyond(self):
        fitted = {(row["system"], row["quantity"]): row for row in self.run.read("model")}
        lines = []
        for system in SYSTEMS:
            cells = []
            for quantity in ("app_us", "store_us", "balancer_us"):
                row = fitted[system, quantity]
                a, b = float(row["at_nothing"]), float(row["per_kilobyte"])
                cells.append("–" if a == b == 0 else f"{number(a, 1)} {'+' if b >= 0 else '−'} {number(abs(b), 1)} KB")
            cells.append(number(fitted[system, "app_us"]["r2"], 2))
            lines.append([SYSTEMS[system]["name"], *cells])
        checked = [[SYSTEMS[row["system"]]["name"], number(row["nodes"]), self.quantity(row["quantity"]),
                    significant(row["predicted"]), significant(row["measured"])] for row in self.run.read("checked")
                   if float(row["predicted"]) or float(row["measured"])]
        cpu_off = [abs(float(row["off"])) for row in self.run.read("checked") if row["quantity"] == "cpu_us"]
        lost_off = [abs(float(row["off"])) for row in self.run.read("checked") if row["quantity"] != "cpu_us"]
        simulated = [[number(row["rate"]), SYSTEMS[row["system"]]["name"], f"{number(row['nodes_least'])}–{number(row['nodes_most'])}",
                      number(row["store_nodes"]), significant(row["lost_per_million_hours"]), significant(row["lost_by_failures"]),
                      number(row["usd_per_million"], 4), significant(row["gigabits_out"])]
                     for row in self.run.read("simulated")]
        parameter = self.parameters
        return "\n\n".join([
            "Straight lines through the medians, microseconds by kilobytes of state; R² of the application's.",
            table(["system", "application µs", "store µs", "balancer µs", "R²"], lines),
            f"With these lines, and with what the faults showed, a simulation runs {number(float(parameter['hours']) / 24)} days,"
            f" {number(parameter['runs'])} times each. Its assumptions: the application's own work takes"
            f" {number(parameter['work_us'])} µs a request; nodes have {number(parameter['node_processors'])} processors, which are at"
            f" most {percent(parameter['full'])} full, and there are at least three; the load goes down to"
            f" {percent(parameter['night'])} of its peak at night, and nodes come and go with it each hour; there are"
            f" {number(parameter['sessions_of_a_request'])} sessions for each request a second, of {size(1024)}, spread evenly; machines"
            f" fail alone and at random, once in {number(parameter['machine_hours_between_failures'])} hours; a store's machine that"
            f" fails loses the part that was measured; all nodes are deployed anew once a day, told to stop first; HAProxy costs what"
            f" it costs here at any number of nodes; networks do not part, and nobody makes mistakes.",
            table(["requests/s", "system", "nodes", "store machines", "lost a million session-hours", "of them by failures",
                   "dollars a million requests", "Gbit/s out"], simulated),
            "![Simulated losses and costs by requests a second](simulated.svg)",
            f"What the same lines and rules say of one to three nodes, beside what was measured there. Processor time is off by"
            f" {percent(statistics.median(cpu_off))} in the median and {percent(max(cpu_off))} at most, and lost sessions by"
            f" {percent(max(lost_off))} of all at most. The lines know nothing of the number of nodes: a pair's node asks others for"
            f" what it does not hold, which they leave out. Not shown: what was said to be nothing, and was.",
            table(["system", "nodes", "", "predicted", "measured"], checked),
        ])

    @staticmethod
    def quantity(name):
        return "CPU µs a request" if name == "cpu_us" else f"part lost: {FAULTS[name.removeprefix('lost by ')]}"

    def method(self):
        about = self.run.about
        return (f"One application, `benches/tradeoff/src`, on axum with one thread and one processor of its own; HAProxy, store and"
                f" load share the other. It reads the session, changes one field in one request of ten, and answers the same"
                f" {mark('200')} bytes. States are JSON of a counter, a text and a basket. {number(about['rounds'])} rounds, one after"
                f" the other over all systems and sizes, of {number(about['seconds'], 1)} seconds as fast as sixteen connections can,"
                f" and as many at {number(about['rate'])} requests a second for the latencies. Processor time is the kernel's own"
                f" account of each process's threads (`/proc`). Saddlebag's tokens use the feature `ring`, cookies in pieces are on,"
                f" and the longest token in cookies has {mark('7,000')} characters. memcached has a store of this laboratory's own,"
                f" because tower-sessions has none. *Master and backup* is a model written for this laboratory, in the application's"
                f" own process: there is no such crate to measure. With one node of application it reads its own memory, and the"
                f" backup's work stands under *store*.\n\nAgain: `cargo tradeoff`, or `cargo tradeoff --quick` into"
                f" `target/tradeoff`.")
