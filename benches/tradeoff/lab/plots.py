"""The plots of a run: SVG and PNG, legible in print and on a phone, with lines that differ in colour, mark and dash."""

import collections
import statistics

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.ticker import FuncFormatter  # noqa: E402

from links import LINKS  # noqa: E402
from model import TOKENS  # noqa: E402
from servers import SYSTEMS  # noqa: E402

# Okabe and Ito's colours, which colour-blind readers can tell apart; each with a mark and a dash of its own.
LOOKS = {
    "signed": ("#56B4E9", "v", "-"), "sealed": ("#0072B2", "o", "-"), "jwt": ("#009E73", "^", "-"),
    "header": ("#0072B2", "s", ":"), "needed": ("#56B4E9", "P", ":"), "jsonwebtoken": ("#E69F00", "D", "-."),
    "memory": ("#999999", "x", "--"), "redis": ("#D55E00", "s", "--"), "memcached": ("#CC79A7", "v", "--"),
    "mariadb": ("#000000", "^", "--"), "pairs": ("#F0E442", "o", "--"),
}
SHOWN = ("sealed", "jwt", "jsonwebtoken", "memory", "redis", "memcached", "mariadb", "pairs")
plt.rcParams.update({
    "font.size": 12, "axes.grid": True, "grid.alpha": 0.35, "lines.linewidth": 2, "lines.markersize": 7, "figure.dpi": 100,
    "savefig.bbox": "tight", "svg.hashsalt": "saddlebag", "legend.fontsize": 10, "figure.constrained_layout.use": True, "axes.axisbelow": True,
})


def draw(run):
    for name, figure in (("cpu", cpu), ("wire", wire), ("links", links), ("memory", memory), ("faults", faults),
                         ("money", money), ("frontier", frontier), ("simulated", simulated)):
        drawn = figure(run)
        drawn.savefig(run.folder / f"{name}.svg", metadata={"Date": None})
        drawn.savefig(run.folder / f"{name}.png", dpi=110, metadata={"Software": None})
        plt.close(drawn)


def plainly(axis, text="{:,.0f}"):
    """Numbers as one says them, also between the powers of ten."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: text.format(value)))
    axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def below(figure, axes, columns=2):
    """The legend, where it hides no line."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncol=columns)


def look(system):
    colour, mark, dash = LOOKS[system]
    edge = {"markeredgecolor": "black", "markeredgewidth": 0.8} if system == "pairs" else {}
    return {"color": colour, "marker": mark, "linestyle": dash, "label": SYSTEMS[system]["name"], **edge}


def bytes_axis(axes, sizes, label="state, bytes of JSON"):
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: f"{size / 1024:.0f}K" if size >= 1024 else f"{size:.0f}"))
    axes.tick_params(axis="x", rotation=45)
    axes.set_xlabel(label)


def cpu(run):
    figure, axes = plt.subplots(figsize=(7.2, 5))
    rows = run.read("summary")
    for system in SHOWN:
        points = [(int(row["bytes"]), float(row["cpu_us"])) for row in rows if row["system"] == system]
        axes.plot(*zip(*points), **look(system))
    bytes_axis(axes, sorted({int(row["bytes"]) for row in rows}))
    axes.set_yscale("log")
    axes.set_yticks([40, 60, 100, 200, 400, 600, 1_000, 2_000])
    plainly(axes.yaxis)
    axes.set_ylabel("CPU of a request, µs (all processes)")
    below(figure, axes)
    return figure


def wire(run):
    figure, axes = plt.subplots(figsize=(7.2, 4.6))
    first = {(row["system"], int(row["bytes"])): row for row in run.wire}
    sizes = run.sizes("sealed")
    redis = [run.median("redis", size, lambda row: float(row["up"])) for size in sizes]
    axes.plot(sizes, [run.median("sealed", size, lambda row: float(row["up"])) for size in sizes], color="#D55E00", marker="s",
              label="token, HTTP/1.1, every request")
    wired = sorted(size for system, size in first if system == "sealed")
    axes.plot(wired, [float(first["sealed", size]["first_up"]) for size in wired], color="#0072B2", marker="o", linestyle="--",
              label="token, HTTP/2, where it is new to the connection")
    axes.plot(wired, [float(first["sealed", size]["next_up"]) for size in wired], color="#009E73", marker="^", linestyle="-.",
              label="token, HTTP/2, again")
    axes.plot(sizes, redis, color="#999999", marker="x", linestyle=":", label="id, HTTP/1.1")
    bytes_axis(axes, sizes)
    axes.set_yscale("log")
    plainly(axes.yaxis)
    axes.set_ylabel("bytes of a request, up")
    below(figure, axes)
    return figure


def links(run):
    figure, panels = plt.subplots(1, len(LINKS), figsize=(11, 4.4))
    times = collections.defaultdict(list)
    for row in run.links:
        times[row["link"], row["http"], row["carrier"], int(row["bytes"])].append(float(row["milliseconds"]))
    lines = {("1", "sealed"): ("#D55E00", "s", "-", "token, HTTP/1.1"),
             ("1", "needed"): ("#CC79A7", "P", ":", "token in one of five, HTTP/1.1"),
             ("2", "sealed"): ("#0072B2", "o", "--", "token, HTTP/2")}
    for axes, link in zip(panels, LINKS):
        for (http, carrier), (colour, mark, dash, label) in lines.items():
            points = sorted((size, statistics.median(found)) for (where, which, what, size), found in times.items()
                            if (where, which, what) == (link, http, carrier))
            axes.plot(*zip(*points), color=colour, marker=mark, linestyle=dash, label=label)
            sizes = [size for size, _ in points]
        for http, colour, dash in (("1", "#D55E00", ":"), ("2", "#0072B2", ":")):
            (level,) = [statistics.median(found) for (where, which, what, _), found in times.items()
                        if (where, which, what) == (link, http, "memory")]
            axes.axhline(level, color=colour, linestyle=dash, linewidth=1.2, label=f"id, HTTP/{'1.1' if http == '1' else '2'}")
        bytes_axis(axes, sizes)
        axes.set_title(LINKS[link]["name"])
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("a page of 30 requests, ms")
    below(figure, panels[0], 3)
    return figure


def memory(run):
    figure, axes = plt.subplots(figsize=(7.2, 4.6))
    for system in dict.fromkeys(row["system"] for row in run.memory):
        points = [(int(row["sessions"]), (int(row["app_bytes"]) + int(row["store_bytes"])) / 2**20) for row in run.memory
                  if row["system"] == system]
        axes.plot(*zip(*points), **look(system))
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        plainly(axis)
    axes.set_xlabel("sessions of 1 KB")
    axes.set_ylabel("memory of nodes and store, MiB")
    below(figure, axes)
    return figure


def faults(run):
    from faults import FAULTS
    systems = list(dict.fromkeys(row["system"] for row in run.faults))
    there = {row["fault"] for row in run.faults}
    kinds = [fault for fault in FAULTS if fault != "nothing" and fault in there]
    share = {(row["system"], row["fault"]): int(row["lost"]) / int(row["users"]) for row in run.faults}
    figure, axes = plt.subplots(figsize=(8.6, 5.6))
    grid = [[min(1.0, share.get((system, fault), 0.0)) for fault in kinds] for system in systems]
    axes.imshow(grid, cmap="Oranges", vmin=0, vmax=1.4, aspect="auto")
    axes.grid(False)
    axes.set_xticks(range(len(kinds)), kinds, rotation=35, ha="right")
    axes.set_yticks(range(len(systems)), [SYSTEMS[system]["name"] for system in systems])
    for y, system in enumerate(systems):
        for x, fault in enumerate(kinds):
            text = f"{share[system, fault]:.0%}" if (system, fault) in share else "–"
            axes.text(x, y, text, ha="center", va="center", fontsize=11)
    axes.set_title("sessions lost, of all (more than all: lost again after the next login)", fontsize=11)
    return figure


def money(run):
    figure, axes = plt.subplots(figsize=(7.2, 5))
    rows = [row for row in run.read("money") if row["rate"] == "1000"]
    for system in ("sealed", "jsonwebtoken", "redis", "memcached", "mariadb"):
        for changes in ("0.1", "0.01") if system == "sealed" else ("0.1",):
            points = [(int(row["bytes"]), float(row["usd_per_million"])) for row in rows
                      if (row["system"], row["changes"]) == (system, changes)]
            style = look(system)
            if changes == "0.01":
                style = {**style, "linestyle": ":", "label": "saddlebag, sealed, one change in a hundred"}
            axes.plot(*zip(*points), **style)
    bytes_axis(axes, sorted({int(row["bytes"]) for row in rows}))
    axes.set_ylabel("US dollars a million requests,\nat 1,000 requests a second")
    axes.set_ylim(bottom=0)
    below(figure, axes)
    return figure


def frontier(run):
    figure, axes = plt.subplots(figsize=(7.2, 5.4))
    rows = run.read("frontier")
    for system in SYSTEMS:
        points = [(float(row["payload_bytes"]), float(row["lost_per_million_hours"])) for row in rows if row["system"] == system]
        axes.plot(*zip(*points), **{**look(system), "linestyle": "none" if system not in TOKENS else look(system)["linestyle"]})
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=0.1)
    axes.set_ylim(-0.05, 10_000)
    axes.set_xticks([400, 600, 1_000, 2_000, 4_000, 8_000])
    for axis in (axes.xaxis, axes.yaxis):
        plainly(axis, "{:,g}")
    axes.set_xlabel("payload of a request: bytes up and down, HTTP/1.1")
    axes.set_ylabel("sessions lost a million session-hours,\nby failures of machines")
    below(figure, axes)
    return figure


def simulated(run):
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6))
    rows = run.read("simulated")
    for system in dict.fromkeys(row["system"] for row in rows):
        mine = [row for row in rows if row["system"] == system]
        rates = [int(row["rate"]) for row in mine]
        left.plot(rates, [float(row["lost_per_million_hours"]) for row in mine], **look(system))
        right.plot(rates, [float(row["usd_per_million"]) for row in mine], **look(system))
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel("requests a second at the day's peak")
    left.set_yscale("symlog", linthresh=0.1)
    left.set_ylim(-0.05, 300_000)
    left.set_ylabel("sessions lost a million session-hours")
    plainly(left.yaxis, "{:,g}")
    right.set_ylabel("US dollars a million requests")
    right.set_ylim(bottom=0)
    below(figure, left, 3)
    return figure
