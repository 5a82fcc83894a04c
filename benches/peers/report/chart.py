"""A bar chart of verify (bytes out) and issue at every payload, on a logarithmic scale; no library, light and dark."""

import math
from xml.sax.saxutils import escape

from tables import GROUPS, PAYLOADS

WIDTH, LABELS, BAR, GAP, PANEL = 960, 210, 9, 8, 46
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.back { fill: #ffffff; } .title { font-size: 15px; font-weight: 600; } .small, .tick { font-size: 10px; fill: #57606a; }
.ours { font-weight: 600; } .verify { fill: #0969da; } .issue { fill: #9fc5f0; } .line { stroke: #d0d7de; }
.floor { stroke: #bf3989; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; } .back { fill: #0d1117; } .small, .tick { fill: #8d96a0; }
  .verify { fill: #58a6ff; } .issue { fill: #1f4d80; } .line { stroke: #30363d; } .floor { stroke: #f778ba; }
}
"""


def svg(run, facts):
    parts, y = [], 64
    values = [row["ns"][op] for row in run.rows for op in ("verify", "issue") if op in row["ns"]]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(value):
        return LABELS + (math.log10(value) - low) / (high - low) * (WIDTH - LABELS - 70)

    for payload, size in PAYLOADS.items():
        rows = [row for kind in GROUPS for row in sorted(shown(run, kind, payload), key=lambda row: row["ns"]["verify"])]
        height = len(rows) * (2 * BAR + GAP)
        parts.append(f'<text class="title" x="12" y="{y}">State of {size}</text>')
        y += 14
        for power in range(low, high + 1):
            at = x(10**power)
            parts.append(f'<line class="line" x1="{at:.1f}" x2="{at:.1f}" y1="{y}" y2="{y + height}"/>')
            parts.append(f'<text class="tick" x="{at:.1f}" y="{y + height + 12}" text-anchor="middle">{unit(power)}</text>')
        floor = x(run.floor("sealed", payload, "verify")[0])
        parts.append(f'<line class="floor" x1="{floor:.1f}" x2="{floor:.1f}" y1="{y}" y2="{y + height}"/>')
        for row in rows:
            parts += bars(row, y, x)
            y += 2 * BAR + GAP
        y += PANEL
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" viewBox="0 0 {WIDTH} {y}" role="img">',
        "<title>saddlebag beside its peers: time to verify and to issue a token</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{y}"/>',
        '<text class="title" x="12" y="22">Time to verify (bytes out) and to issue a token, logarithmic</text>',
        f'<text class="small" x="12" y="38">{escape(facts.date)}, {escape(facts.machine)}</text>',
        f'<rect class="verify" x="{WIDTH - 330}" y="14" width="12" height="9"/>',
        f'<text class="small" x="{WIDTH - 314}" y="22">verify</text>',
        f'<rect class="issue" x="{WIDTH - 270}" y="14" width="12" height="9"/>',
        f'<text class="small" x="{WIDTH - 254}" y="22">issue</text>',
        f'<line class="floor" x1="{WIDTH - 215}" x2="{WIDTH - 195}" y1="18" y2="18"/>',
        f'<text class="small" x="{WIDTH - 190}" y="22">fastest floor, sealed, to verify</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def shown(run, kind, payload):
    return [row for row in run.shown(kind, payload) if "verify" in row["ns"]]


def bars(row, y, x):
    ours = ' class="ours"' if row["name"].startswith("saddlebag") else ""
    parts = [f'<text{ours} x="{LABELS - 8}" y="{y + BAR + 4}" text-anchor="end">{escape(row["name"])}</text>']
    for index, op in enumerate(("verify", "issue")):
        end, top = x(row["ns"][op]), y + index * BAR
        parts.append(f'<rect class="{op}" x="{LABELS}" y="{top}" width="{max(end - LABELS, 1):.1f}" height="{BAR - 1}"/>')
        parts.append(f'<text class="tick" x="{end + 4:.1f}" y="{top + 8}">{row["ns"][op]:,.0f} ns</text>')
    return parts


def unit(power):
    return {0: "1 ns", 1: "10 ns", 2: "100 ns", 3: "1 µs", 4: "10 µs", 5: "100 µs", 6: "1 ms", 7: "10 ms"}.get(power, "")
