"""The measurements, as Markdown and as CSV."""

PAYLOADS = {"p32": "33 B", "p256": "256 B", "p1k": "1,024 B", "p3k": "3,134 B"}
OPS = ["issue", "issue_bytes", "verify", "typed", "borrowed", "value"]
BUSY = [
    "",
    "**Preliminary**: the machine was busy with other work, which medians would show more of than of the tokens. The",
    "times are the least of the rounds instead; the laws below are medians of ratios, and those of threads say little.",
]
FLOORS = {"sealed": "sealed floor", "signed": "signed floor"}
GROUPS = {
    "sealed": "Sealed: neither read nor changed by others",
    "signed": "Signed under a shared key: read by anybody, not changed",
    "public key": "Signed by a key pair",
}


class Run:
    """What all programs measured; each row is compared with rows of its own process only."""

    def __init__(self, results, least=False):
        self.rows = [
            {**row, "process": process} for process, result in results.items() for row in result.get("rows", [])
        ]
        self.what = "least" if least else "medians"
        if least:
            for row in self.rows:
                row["median"], row["ns"] = row["ns"], {op: spread[0] for op, spread in row["spread"].items()}
        self.findings = results["peers"]["laws"]
        self.allocations = results["allocations"]["allocations"]
        self.rounds = results["peers"]["rounds"]
        self.batch = results["peers"]["batch"]

    def select(self, **wanted):
        return [row for row in self.rows if all(row[key] == value for key, value in wanted.items())]

    def one(self, name, payload, process="peers"):
        (row,) = self.select(name=name, payload=payload, process=process)
        return row

    def floor(self, kind, payload, op, process="peers", without=None):
        """The fastest floor of an operation, and which it was; `without` names a crate that is left out."""
        rows = self.select(kind=FLOORS[kind], payload=payload, process=process)
        rows = [row for row in rows if not (without and without in row["name"])]
        best = min(rows, key=lambda row: row["ns"][op])
        return best["ns"][op], best["name"]

    def peers(self, payload, *kinds):
        rows = [row for row in self.rows if row["kind"] in kinds and row["payload"] == payload and row["process"] != "plain"]
        return [row for row in rows if not row["name"].startswith("saddlebag")]

    def shown(self, kind, payload):
        """A kind's rows; what josekit's process measured again is shown once."""
        rows = self.select(kind=kind, payload=payload)
        names = {row["name"] for row in rows if row["process"] == "peers"}
        return [row for row in rows if row["process"] == "peers" or row["name"] not in names]

    def relative(self, row, op):
        """A time as a ratio to the fastest sealed floor of its process: to compare across processes."""
        return row["ns"][op] / self.floor("sealed", row["payload"], "verify", row["process"])[0]


def ns(value):
    return "–" if value is None else f"{value:,.0f}"


def markdown(run, promised, facts):
    lines = [
        "# saddlebag beside its peers",
        "",
        f"{facts.date}, {facts.machine}; one minute's load {facts.load} the run"
        + (f"; built with {facts.features}" if facts.features else "")
        + ".",
        "",
        f"{facts.versions}.",
        "",
        f"Nanoseconds, {run.what} of {run.rounds} rounds of {run.batch} ms in shuffled order, all in one run. Made by",
        "`benches/peers/run`, whose [README](../../benches/peers/README.md) says what is compared with what. Behind each time stands its",
        "ratio to the fastest floor at this payload: the bare primitive under a kept key over as many bytes as",
        "saddlebag's token has, base64, and to issue one call for random bytes. `verify` leaves the state undecoded:",
        "bytes out. The machine is shared: trust the ratios.",
        *(BUSY if run.what == "least" else []),
        "",
        "![Verifying and issuing, by payload](peers.svg)",
        "",
    ]
    for payload, size in PAYLOADS.items():
        lines += payload_tables(run, payload, size)
    lines += promised_table(promised) + laws_table(run) + allocations_table(run) + floors_table(run)
    return "\n".join(lines)


def payload_tables(run, payload, size):
    lines = [f"## State of {size}", ""]
    for kind, title in GROUPS.items():
        # A key pair's floor is another primitive; the ratio is left out.
        floor = {op: run.floor(kind, payload, op) for op in ("issue", "verify")} if kind in FLOORS else None
        lines += [f"**{title}**", "", "| token | characters | with all claims | issue | issue, bytes | verify | typed | borrowed | Value |"]
        lines += ["|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
        if floor:
            issue, verify = floor["issue"], floor["verify"]
            names = f"*floor: {verify[1]}; to issue {issue[1]}*"
            characters = run.select(kind=FLOORS[kind], payload=payload)[0]["characters"]
            lines.append(f"| {names} | {characters:,} | | {ns(issue[0])} | | {ns(verify[0])} | | | |")
        for row in sorted(run.shown(kind, payload), key=lambda row: row["ns"].get("verify", 1e12)):
            lines.append(row_line(run, row, kind))
        lines.append("")
    return lines


def row_line(run, row, kind):
    cells = []
    for op in OPS:
        value = row["ns"].get(op)
        text = ns(value)
        if value is not None and kind in FLOORS:
            floor, _ = run.floor(kind, row["payload"], "issue" if op.startswith("issue") else "verify", row["process"])
            text += f" ({value / floor:.2f})"
        cells.append(text)
    name = f"**{row['name']}**" if row["name"].startswith("saddlebag") else row["name"]
    return f"| {name} | {row['characters']:,} | {row['full']:,} | {' | '.join(cells)} |"


def promised_table(promised):
    lines = ["## Promised ratios", "", "| promise | where | measured | target | |", "|---|---|---:|---:|---|"]
    verdict = {True: "met", False: "**missed**", None: ""}
    for promise in promised:
        lines.append(
            f"| {promise.what} | {promise.where} | {promise.measured} | {promise.target} | {verdict[promise.met]} |"
        )
    return lines + [""]


def laws_table(run):
    lines = ["## Laws", "", "| law | what | measured | must be | |", "|---|---|---:|---:|---|"]
    for finding in run.findings:
        value, limit = finding["value"], finding["limit"]
        must, verdict = "", ""
        if limit is not None:
            must = f"{'≥' if finding['at_least'] else '≤'} {limit:g}"
            met = value >= limit if finding["at_least"] else value <= limit
            verdict = "met" if met else "**missed**"
        what = finding["what"] + (f" ({finding['note']})" if finding["note"] else "")
        lines.append(f"| {finding['law']} | {what} | {value:.2f} {finding['unit']} | {must} | {verdict} |")
    return lines + [""]


def allocations_table(run):
    lines = [
        "## Allocations",
        "",
        "Calls of the allocator by one call, with 1 and with 32 keys in the ring; to issue, the state's own copy is",
        "counted too.",
        "",
        "| token | state | verify | refuse, cut short | borrowed state | issue | issue, bytes |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    ops = ["verify", "refuse", "borrowed", "issue", "issue_bytes"]
    pairs = {}
    for row in run.allocations:
        pairs.setdefault((row["name"], row["payload"]), {})[row["keys"]] = row
    for (name, payload), rows in pairs.items():
        cells = [f"{rows[1][op]} / {rows[32][op]}" for op in ops]
        lines.append(f"| {name} | {PAYLOADS[payload]} | {' | '.join(cells)} |")
    return lines + [""]


def floors_table(run):
    lines = ["## Floors", "", "Verify and issue, ns.", "", "| floor | " + " | ".join(PAYLOADS.values()) + " |"]
    lines += ["|---|" + "---:|" * len(PAYLOADS)]
    for kind in FLOORS.values():
        for row in run.select(kind=kind, payload="p32", process="peers"):
            rows = [run.one(row["name"], payload) for payload in PAYLOADS]
            cells = [f"{ns(row['ns']['verify'])}, {ns(row['ns']['issue'])}" for row in rows]
            lines.append(f"| {row['name']} | {' | '.join(cells)} |")
    return lines + [""]


def csv(run):
    lines = ["process,token,kind,payload,characters,with_all_claims,operation,ns,least_ns,most_ns,ratio_to_floor"]
    for row in run.rows:
        kind = row["kind"].removesuffix(" floor")
        for op, value in row["ns"].items():
            ratio = ""
            if kind in FLOORS:
                floor, _ = run.floor(kind, row["payload"], "issue" if op.startswith("issue") else "verify", row["process"])
                ratio = f"{value / floor:.3f}"
            least, most = row["spread"][op]
            name = f'"{row["name"]}"'
            lines.append(
                f"{row['process']},{name},{row['kind']},{row['payload']},{row['characters']},{row['full']},{op},"
                f"{value:.1f},{least:.1f},{most:.1f},{ratio}"
            )
    return "\n".join(lines) + "\n"
