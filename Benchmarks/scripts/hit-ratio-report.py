#!/usr/bin/env python3
"""Hit ratios beside the reference policies, as a Markdown table or a plot.

usage: hit-ratio-report.py table|plot LARDER.csv REFERENCE.csv

LARDER.csv is what `make hit-ratio TRACES=DIR` prints, REFERENCE.csv the directory's reference-hit-ratios.csv. The plot is an SVG: the mean over the
traces at each share of their keys.
"""

import csv
import sys

POLICIES = ["Belady", "Caffeine-master-ccef955", "S3-FIFO", "ARC", "LRU"]
TITLES = {"larder": "Larder", "Caffeine-master-ccef955": "Caffeine master"}
COLOURS = {
    "larder": "#c2410c", "Belady": "#6b7280", "Caffeine-master-ccef955": "#2563eb", "S3-FIFO": "#059669",
    "ARC": "#7c3aed", "LRU": "#111827",
}
SHARES = ["0.1 %", "1 %", "10 %", "25 %"]


def read(path):
    """{(trace, objects): {policy: ratio}} of a CSV file."""
    cells = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            cell = cells.setdefault((row["trace"], int(row["cache_objects"])), {})
            cell[row["policy"]] = float(row["hit_ratio"])
    return cells


def with_shares(cells):
    """(trace, objects, index of the share, ratios) of each cell; a trace's sizes end with that of 25 %."""
    traces = {}
    for trace, objects in cells:
        traces.setdefault(trace, []).append(objects)
    for trace in sorted(traces):
        sizes = sorted(traces[trace])
        for position, objects in enumerate(sizes):
            yield trace, objects, len(SHARES) - len(sizes) + position, cells[trace, objects]


def table(cells):
    policies = ["larder"] + POLICIES
    print("| trace | objects | " + " | ".join(TITLES.get(name, name) for name in policies) + " |")
    print("| --- | --: |" + " --: |" * len(policies))
    sums = {name: [] for name in policies}
    for trace, objects, _, ratios in with_shares(cells):
        for name in policies:
            sums[name].append(ratios[name])
        print(f"| {trace} | {objects:,} | " + " | ".join(f"{100 * ratios[name]:.2f}" for name in policies) + " |")
    print("| **mean** | | " + " | ".join(f"**{100 * sum(sums[n]) / len(sums[n]):.2f}**" for n in policies) + " |")


def plot(cells):
    means = {}
    for name in ["larder"] + POLICIES:
        by_share = [[] for _ in SHARES]
        for _, _, share, ratios in with_shares(cells):
            by_share[share].append(ratios[name])
        means[name] = [100 * sum(ratios) / len(ratios) for ratios in by_share]
    width, height, left, right, top, bottom = 640, 380, 52, 150, 18, 44
    xs = [left + (width - left - right) * step / (len(SHARES) - 1) for step in range(len(SHARES))]
    low, high = 15, 75

    def y(value):
        return top + (height - top - bottom) * (high - value) / (high - low)

    print(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">')
    print(f'<rect width="{width}" height="{height}" fill="#fff"/>')
    for value in range(20, high + 1, 10):
        print(f'<path d="M{left} {y(value):.1f}H{width - right}" stroke="#e5e7eb"/>')
        print(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end" fill="#374151">{value} %</text>')
    for x, share in zip(xs, SHARES):
        print(f'<text x="{x:.1f}" y="{height - bottom + 18}" text-anchor="middle" fill="#374151">{share}</text>')
    print(
        f'<text x="{(left + width - right) / 2}" y="{height - 6}" text-anchor="middle" fill="#374151">'
        "room for this share of the trace's keys; mean hit ratio of the traces</text>")
    placed = []
    for name in sorted(means, key=lambda name: -means[name][-1]):
        points = " ".join(f"{x:.1f},{y(value):.1f}" for x, value in zip(xs, means[name]))
        thick = 3 if name == "larder" else 1.5
        print(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="{thick}"/>')
        label = max([y(means[name][-1]) + 4] + [other + 14 for other in placed])
        placed.append(label)
        weight = ' font-weight="bold"' if name == "larder" else ""
        print(
            f'<text x="{width - right + 8}" y="{label:.1f}" fill="{COLOURS[name]}"{weight}>'
            f"{TITLES.get(name, name)} {means[name][-1]:.1f}</text>")
    print("</svg>")


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("table", "plot"):
        sys.exit(__doc__)
    cells = read(sys.argv[2])
    references = read(sys.argv[3])
    for cell in cells:
        cells[cell].update(references[cell])
    {"table": table, "plot": plot}[sys.argv[1]](cells)


main()
