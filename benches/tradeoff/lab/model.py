"""What the measurements say: crossings, money, a model, and what it says of systems that do not fit this machine.

Everything here is computed from the files of a run, and written next to them.
"""

import collections
import csv
import math
import random
import statistics

# Prices, in US dollars: of no provider, and near those of the large ones in 2026. What comes in is free, as it is there.
PRICES = {"vcpu_hour": 0.04, "gigabyte_out": 0.09}
# Machines of a store, each of two processors: price of an hour, and how many there are at least.
STORE_NODES = {"redis": (0.07, 2), "memcached": (0.07, 1), "mariadb": (0.14, 2), "pairs": (0.0, 0), "memory": (0.0, 0)}
STORE_PROCESSORS, FULL = 2, 0.6
RATES = (10, 100, 1_000, 10_000, 100_000)
# A page that takes longer than another by so much is slower.
SLOWER = 0.05
# Failures of a machine an hour; hours in which another replaces it; deployments an hour.
FAILURES, REPAIR, DEPLOYMENTS = 1 / 1_000, 1 / 6, 1 / 24
TOKENS = ("signed", "sealed", "jwt", "header", "needed", "jsonwebtoken")
OTHERS = ("memory", "redis", "memcached", "mariadb", "pairs")
# By how much a system's CPU, as a part of Redis' at the same size, may differ in another run.
AGREE = 0.25
# The simulated: processor time of the application's own work, processors of a node, how full it may be, sessions of a
# request a second, and the least of the day's load to the most.
WORK_US, NODE_PROCESSORS, SESSIONS_OF_A_REQUEST, NIGHT = 2_000, 4, 100, 0.3
SIMULATED_RATES, HOURS, RUNS = (1_000, 10_000, 100_000, 1_000_000, 10_000_000), 720, 20
CHANGES = 0.1


class Run:
    """The files of a run, read."""

    def __init__(self, folder):
        self.folder = folder
        self.cost = self.read("cost")
        self.faults = self.read("faults")
        self.memory = self.read("memory")
        self.links = self.read("links")
        self.wire = self.read("wire")
        self.carried = self.read("carried")
        self.scale = self.read("scale")
        self.changing = self.read("changing")
        self.again = self.read("again")
        self.about = {row["name"]: row["value"] for row in self.read("about")}
        # Of each cell, a number a round.
        self.cells = collections.defaultdict(dict)
        for row in self.cost:
            self.cells[row["system"], int(row["bytes"])][int(row["round"])] = row

    def read(self, name):
        with (self.folder / f"{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def write(self, name, columns, rows):
        with (self.folder / f"{name}.csv").open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    def sizes(self, system):
        return sorted(size for name, size in self.cells if name == system)

    def rounds(self, system, size, of):
        return {number: of(row) for number, row in self.cells[system, size].items()}

    def median(self, system, size, of):
        return statistics.median(self.rounds(system, size, of).values())


def cpu(row):
    """Microseconds of all processors that a request takes part of."""
    return float(row["app_us"]) + float(row["store_us"]) + float(row["balancer_us"])


def column(name):
    return lambda row: float(row[name])


def compute(folder):
    """Writes what follows from the measurements."""
    run = Run(folder)
    parameters(run)
    summary(run)
    crossed = crossings(run)
    run.write("crossings", ["compared", "measure", "kind", "from_bytes", "low_bytes", "high_bytes", "carried_bytes"], crossed)
    fitted = fit(run)
    run.write("model", ["system", "quantity", "at_nothing", "per_kilobyte", "r2"],
              [[system, quantity, f"{a:.3f}", f"{b:.3f}", f"{r2:.3f}"] for (system, quantity), (a, b, r2) in fitted.items()])
    money(run)
    repeat(run)
    frontier(run)
    check(run, fitted)
    simulate(run, fitted)
    return run


def parameters(run):
    rows = [["vcpu_hour_usd", PRICES["vcpu_hour"]], ["gigabyte_out_usd", PRICES["gigabyte_out"]],
            *([f"{system}_node_hour_usd", price] for system, (price, _) in STORE_NODES.items() if price),
            *([f"{system}_nodes_at_least", least] for system, (_, least) in STORE_NODES.items() if least),
            ["store_node_processors", STORE_PROCESSORS], ["full", FULL], ["slower", SLOWER],
            ["agree", AGREE], ["failures_per_machine_hour", FAILURES], ["machine_hours_between_failures", round(1 / FAILURES)],
            ["repair_minutes", round(REPAIR * 60)], ["deployments_per_day", round(DEPLOYMENTS * 24)],
            ["work_us", WORK_US], ["node_processors", NODE_PROCESSORS], ["sessions_of_a_request", SESSIONS_OF_A_REQUEST],
            ["night", NIGHT], ["hours", HOURS], ["runs", RUNS], ["changes", CHANGES]]
    run.write("parameters", ["name", "value"], rows)


def summary(run):
    """The median of the rounds, for each system and size, and how far the rounds are apart."""
    rows = []
    for (system, size), cell in sorted(run.cells.items(), key=lambda item: (item[0][1], item[0][0])):
        rounds = [cpu(row) for row in cell.values()]
        middle = statistics.median(rounds)
        apart = statistics.median(abs(one - middle) for one in rounds) / middle
        median = {name: run.median(system, size, column(name)) for name in
                  ("app_us", "store_us", "balancer_us", "up", "down", "p50_us", "p99_us")}
        rows.append([size, system, *(f"{median[name]:.1f}" for name in ("app_us", "store_us", "balancer_us")), f"{middle:.1f}",
                     f"{1e6 / median['app_us']:.0f}", *(f"{median[name]:.0f}" for name in ("up", "down", "p50_us", "p99_us")),
                     f"{apart:.4f}"])
    run.write("summary", ["bytes", "system", "app_us", "store_us", "balancer_us", "cpu_us", "requests_per_core_second", "up",
                          "down", "p50_us", "p99_us", "apart"], rows)


def dollars(system, row, rate):
    """US dollars of a million requests at a rate, by one round."""
    return priced(system, float(row["app_us"]) + float(row["balancer_us"]), float(row["down"]), float(row["store_us"]), rate)


def priced(system, app, out, stored, rate):
    """The same, of processor time in microseconds and bytes that go out."""
    price, least = STORE_NODES.get(system, (0.0, 0))
    if system == "pairs":
        # Its store is part of the nodes.
        app, stored = app + stored, 0.0
    nodes = max(least, math.ceil(rate * stored / 1e6 / (STORE_PROCESSORS * FULL))) if price else 0
    hours = 1e6 / rate / 3600
    return app * 1e6 / 3.6e9 * PRICES["vcpu_hour"] / FULL + out * 1e6 / 1e9 * PRICES["gigabyte_out"] + nodes * price * hours


def money(run):
    """The same with fewer changes: what an answer has more than one of Redis' is the token that it brings."""
    rows = []
    for system, size in sorted(run.cells, key=lambda key: (key[1], key[0])):
        app = run.median(system, size, lambda row: float(row["app_us"]) + float(row["balancer_us"]))
        stored, out = run.median(system, size, column("store_us")), run.median(system, size, column("down"))
        plain = run.median("redis", size, column("down"))
        for rate in RATES:
            for share in (CHANGES, CHANGES / 10):
                sent = plain + (out - plain) * share / CHANGES if system in TOKENS else out
                rows.append([system, size, rate, share, f"{priced(system, app, sent, stored, rate):.5f}"])
    run.write("money", ["system", "bytes", "rate", "changes", "usd_per_million"], rows)


def repeat(run):
    """What another run says of the same: CPU as a part of Redis' in the same rounds, then and now."""
    other = collections.defaultdict(dict)
    for row in run.again:
        other[row["system"], int(row["bytes"])][row["round"]] = cpu(row)
    rows = []
    for (system, size), found in sorted(other.items(), key=lambda item: (item[0][1], item[0][0])):
        if system == "redis":
            continue
        now = statistics.median(one / other["redis", size][number] for number, one in found.items())
        redis = run.rounds("redis", size, cpu)
        then = statistics.median(one / redis[number] for number, one in run.rounds(system, size, cpu).items())
        rows.append([size, system, f"{then:.3f}", f"{now:.3f}", f"{now / then - 1:.3f}"])
    run.write("repeated", ["bytes", "system", "of_redis", "of_redis_again", "off"], rows)


def crossings(run):
    """From which size a token costs more than a store: of processor time, of time on links, of money."""
    rows = []
    for other in ("redis", "memcached", "mariadb", "memory", "pairs"):
        for kind in TOKENS:
            rows.append([other, "cpu", kind, *crossing(run, kind, other, lambda _, row: cpu(row))])
            for rate in RATES:
                money = lambda system, row: dollars(system, row, rate)
                rows.append([other, f"money-{rate}", kind, *crossing(run, kind, other, money)])
    return rows + slower(run)


def crossing(run, kind, other, cost):
    """The size from which a token costs more, by what it costs more in each round."""
    differences = {}
    for size in run.sizes(kind):
        theirs = run.cells[other, size]
        differences[size] = [cost(kind, row) - cost(other, theirs[number]) for number, row in run.cells[kind, size].items()]
    return crossed(differences)


def slower(run):
    """From which size a page takes longer, by a stated part, than the same page with an id in the same round."""
    times = collections.defaultdict(dict)
    for row in run.links:
        times[row["link"], row["http"], row["carrier"], int(row["bytes"])][row["round"]] = float(row["milliseconds"])
    rows = []
    for link, http in dict.fromkeys(key[:2] for key in times):
        with_id = next(found for key, found in times.items() if key[:3] == (link, http, "memory"))
        for carrier in ("sealed", "needed"):
            sizes = sorted(size for *key, size in times if tuple(key) == (link, http, carrier))
            if sizes:
                differences = {size: [took - with_id[number] * (1 + SLOWER)
                                      for number, took in times[link, http, carrier, size].items()] for size in sizes}
                rows.append(["id", f"time-{link}-http{http}", carrier, *crossed(differences)])
    return rows


def crossed(differences):
    """Where the medians of the rounds' differences are positive for good, and between which sizes nine tenths of the
    resampled rounds put that, as text and empty for nowhere; and the largest size."""
    seeded = random.Random(1)

    def at(pick):
        return over([(size, statistics.median(pick(rounds))) for size, rounds in sorted(differences.items())])

    ordered = sorted(at(lambda rounds: seeded.choices(rounds, k=len(rounds))) for _ in range(200))
    found = at(lambda rounds: rounds), ordered[len(ordered) // 20], ordered[-len(ordered) // 20 - 1]
    return [*(str(round(one)) if one < math.inf else "" for one in found), max(differences)]


def over(differences):
    """Where a difference is positive for good, between two sizes by a straight line; 0 where it always is."""
    below = [index for index, (_, difference) in enumerate(differences) if difference <= 0]
    if not below:
        return 0
    last = below[-1]
    if last == len(differences) - 1:
        return math.inf
    (size, difference), (next_size, next_difference) = differences[last], differences[last + 1]
    return size + (next_size - size) * -difference / (next_difference - difference)


def fit(run):
    """Straight lines through the medians, by the state's kilobytes of 1,024 bytes."""
    fitted = {}
    for system in (*TOKENS, *OTHERS):
        sizes = run.sizes(system)
        for quantity in ("app_us", "store_us", "balancer_us", "up", "down"):
            points = [(size / 1024, run.median(system, size, column(quantity))) for size in sizes]
            fitted[system, quantity] = line(points)
    return fitted


def line(points):
    """The straight line whose errors are smallest as parts of what was measured, and how much of the variation it tells."""
    if len(points) < 2 or not any(y for _, y in points):
        return points[0][1], 0.0, 1.0
    weighted = [(1 / max(abs(y), 1e-9) ** 2, x, y) for x, y in points]
    whole = sum(weight for weight, _, _ in weighted)
    x_mean = sum(weight * x for weight, x, _ in weighted) / whole
    y_mean = sum(weight * y for weight, _, y in weighted) / whole
    slope = (sum(weight * (x - x_mean) * (y - y_mean) for weight, x, y in weighted)
             / sum(weight * (x - x_mean) ** 2 for weight, x, _ in weighted))
    intercept = y_mean - slope * x_mean
    variation = sum(weight * (y - y_mean) ** 2 for weight, _, y in weighted)
    rest = sum(weight * (y - intercept - slope * x) ** 2 for weight, x, y in weighted)
    return intercept, slope, 1 - rest / variation if variation else 1.0


def lost_shares(run):
    """Of each system and fault, the part of all sessions that was lost."""
    return {(row["system"], row["fault"]): min(1.0, int(row["lost"]) / int(row["users"])) for row in run.faults}


def per_million_hours(shares, system, nodes=3, stores=None):
    """Sessions lost of a million that are kept for an hour, by failures alone, with the shares of three nodes."""
    one, two = shares[system, "kill one"], shares[system, "kill two"]
    # One of three loses a third of what is on nodes: all of them lose as much as they have.
    of_nodes = one * 3 * FAILURES
    of_pairs = two * nodes * (nodes - 1) * FAILURES ** 2 * REPAIR if one == 0 else 0.0
    of_store = shares.get((system, "kill store"), 0.0) * FAILURES
    return (of_nodes + of_pairs + of_store) * 1e6


def frontier(run):
    shares = lost_shares(run)
    rows = []
    for system, size in sorted(run.cells, key=lambda key: (key[1], key[0])):
        lost = per_million_hours(shares, system)
        deployed = lost + shares[system, "restart"] * DEPLOYMENTS * 1e6
        payload = run.median(system, size, column("up")) + run.median(system, size, column("down"))
        rows.append([system, size, f"{payload:.0f}", f"{lost:.2f}", f"{deployed:.0f}"])
    run.write("frontier", ["system", "bytes", "payload_bytes", "lost_per_million_hours", "lost_with_deployments"], rows)


def check(run, fitted):
    """What the model says of one to three nodes, beside what was measured."""
    rows = []
    for system in dict.fromkeys(row["system"] for row in run.scale):
        for nodes in ("1", "2", "3"):
            cells = [row for row in run.scale if (row["system"], row["nodes"]) == (system, nodes)]
            measured = statistics.median(cpu(row) for row in cells)
            kilobytes = int(cells[0]["bytes"]) / 1024
            predicted = sum(fitted[system, quantity][0] + fitted[system, quantity][1] * kilobytes
                            for quantity in ("app_us", "store_us", "balancer_us"))
            rows.append([system, nodes, "cpu_us", f"{predicted:.1f}", f"{measured:.1f}", f"{predicted / measured - 1:.3f}"])
    users = {row["system"]: int(row["users"]) for row in run.faults}
    shares = lost_shares(run)
    for system in users:
        for fault, dead in (("kill one", 1), ("kill two", 2), ("remove", 1), ("restart", 3)):
            predicted = statistics.fmean(lost_by(system, fault, dead, random.Random(seed)) for seed in range(200))
            measured = shares[system, fault]
            rows.append([system, "3", f"lost by {fault}", f"{predicted:.3f}", f"{measured:.3f}", f"{predicted - measured:.3f}"])
    run.write("checked", ["system", "nodes", "quantity", "predicted", "measured", "off"], rows)


def lost_by(system, fault, dead, numbers, nodes=3, sessions=300):
    """The part of the sessions that the design of a system loses, by putting them on nodes and taking nodes away."""
    if system == "memory":
        # In turn, each session goes with its node.
        gone = set(range(dead))
        return sum(numbers.randrange(nodes) in gone for _ in range(sessions)) / sessions
    if system == "pairs" and fault == "kill two":
        gone = set(range(dead))
        return sum(set(numbers.sample(range(nodes), 2)) <= gone for _ in range(sessions)) / sessions
    return 0.0


def simulate(run, fitted):
    """Thirty days of systems of many nodes: a day's load up and down, nodes that come, go and fail, a deployment a day."""
    shares = lost_shares(run)
    size = 1024
    rows = []
    for rate in SIMULATED_RATES:
        for system in ("sealed", *OTHERS):
            seeded = random.Random(f"{rate} {system}")
            runs = [days(system, rate, size, shares, fitted, seeded) for _ in range(RUNS)]
            average = [statistics.fmean(column) for column in zip(*runs)]
            rows.append([rate, system, size, *(f"{one:.4g}" for one in average)])
    run.write("simulated", ["rate", "system", "bytes", "nodes_least", "nodes_most", "store_nodes",
                            "lost_per_million_hours", "lost_by_failures", "usd_per_million", "gigabits_out"], rows)


def days(system, rate, size, shares, fitted, numbers):
    of = lambda quantity: fitted[system, quantity][0] + fitted[system, quantity][1] * size / 1024
    app, stored, out = of("app_us") + of("balancer_us"), max(0.0, of("store_us")), of("down")
    price, least = STORE_NODES.get(system, (0.0, 0))
    request = app + WORK_US + (stored if system == "pairs" else 0)
    needed = lambda share: max(3, math.ceil(rate * share * request / 1e6 / (NODE_PROCESSORS * FULL)))
    shards = math.ceil(rate * stored / 1e6 / (STORE_PROCESSORS * FULL)) if price else 0
    stores = max(least, shards)
    hours = lost = by_failures = 0.0
    before = needed(NIGHT)
    seen = []
    for hour in range(HOURS):
        share = NIGHT + (1 - NIGHT) * (1 - math.cos(hour / 24 * 2 * math.pi)) / 2
        sessions = rate * share * SESSIONS_OF_A_REQUEST
        nodes = needed(share)
        seen.append(nodes)
        hours += sessions
        failed = poisson(numbers, nodes * FAILURES)
        if system == "memory":
            by_failures += sessions * min(1.0, failed / nodes)
            # Whoever is on a node that is no longer needed, or on any node at a deployment.
            lost += sessions * max(0, before - nodes) / before
            lost += sessions * (hour % 24 == 3)
        elif system == "pairs":
            # Both nodes of a pair within the time of a repair: after one, another that is its partner.
            second = poisson(numbers, failed * (nodes - 1) * FAILURES * REPAIR)
            by_failures += sessions * second * 2 / (nodes * (nodes - 1))
        elif price:
            # A store that fails loses what it has not on disk, as measured.
            failures = poisson(numbers, stores * FAILURES)
            by_failures += sessions * min(1.0, failures / stores) * shares[system, "kill store"]
        before = nodes
    average = statistics.fmean(seen)
    spent = (average * NODE_PROCESSORS * PRICES["vcpu_hour"] + stores * price) * HOURS
    requests = rate * (1 + NIGHT) / 2 * 3600 * HOURS
    usd = spent / requests * 1e6 + out * 1e6 / 1e9 * PRICES["gigabyte_out"]
    return (min(seen), max(seen), stores, (lost + by_failures) / hours * 1e6, by_failures / hours * 1e6, usd, rate * out * 8 / 1e9)


def poisson(numbers, mean):
    """How many of rare events there are (Knuth's way; in parts, so that it does not run out of digits)."""
    count = 0
    while mean > 0:
        part = min(mean, 500.0)
        mean -= part
        limit, product = math.exp(-part), numbers.random()
        while product > limit:
            count += 1
            product *= numbers.random()
    return count
