"""Draws rows of measurements: a bar chart for each case, and hit ratio over cache size for each trace.

Usage: plot.py RESULTS, a directory with latest.jsonl. Writes CASE.svg and CASE.png beside it.
"""

import json
import os
import statistics
import sys
from collections import defaultdict

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend is chosen first)

LARDER, PEER = "#c0562f", "#7a8794"

# What a case shows, in the order of preference, and in which direction it is good.
FIGURES = [
    ("overhead_bytes_per_entry", "bytes per entry beyond key and value (less is better)", 1),
    ("instructions_per_op", "instructions per get (less is better)", 1),
    ("ops_per_s", "operations per second (more is better)", 1),
    ("ns_per_op", "milliseconds (less is better)", 1e-6),
]


def read_rows(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def save(figure, results, name):
    for kind in ("svg", "png"):
        figure.savefig(os.path.join(results, f"{name}.{kind}"), dpi=150, bbox_inches="tight")
    plt.close(figure)


def title(row):
    threads = "1 thread" if row["threads"] == 1 else f"{row['threads']} at once"
    draws = {"z": "zipf", "u": "uniform"}.get(row["dist"], row["dist"])
    flushed = ", flushed" if row["durable"] else ""
    return f"{threads}, {draws}, {row['vsize']} B{flushed}"


def plot_case(case, rows, results):
    """One panel for each group of parameters; a bar is the median over repetitions, its whisker goes from least to most."""
    chosen = next(((f, label, scale) for f, label, scale in FIGURES if any(f in row for row in rows)), None)
    if chosen is None:
        return
    field, label, scale = chosen
    panels = defaultdict(lambda: defaultdict(list))
    for row in rows:
        if field in row:
            panels[title(row)][row["peer"]].append(row[field] * scale)
    figure, axes = plt.subplots(len(panels), 1, figsize=(8, sum(0.7 + 0.32 * len(p) for p in panels.values())), squeeze=False,
                                gridspec_kw={"height_ratios": [len(p) + 1 for p in panels.values()]}, layout="constrained")
    for axis, (name, peers) in zip(axes[:, 0], panels.items()):
        names = list(peers)[::-1]
        medians = [statistics.median(peers[peer]) for peer in names]
        low = [m - min(peers[peer]) for m, peer in zip(medians, names)]
        high = [max(peers[peer]) - m for m, peer in zip(medians, names)]
        colors = [LARDER if peer.startswith("larder") else PEER for peer in names]
        axis.barh(names, medians, xerr=[low, high], color=colors, error_kw={"elinewidth": 0.8, "capsize": 2})
        axis.set_title(name, fontsize=9, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_major_formatter(matplotlib.ticker.EngFormatter(sep=""))
        for y, (value, above) in enumerate(zip(medians, high)):
            axis.annotate(matplotlib.ticker.EngFormatter(places=1, sep="")(value), (value + above, y), xytext=(5, 0),
                          textcoords="offset points", va="center", fontsize=7)
        axis.margins(x=0.12)
    axes[-1, 0].set_xlabel(label, fontsize=8)
    figure.suptitle(f"{case}, N = {rows[0]['n']:,}", fontsize=11, x=0.01, ha="left")
    save(figure, results, case)


def plot_hit_ratios(rows, results):
    traces = sorted({row["trace"] for row in rows})
    columns = min(3, len(traces))
    lines = -(-len(traces) // columns)
    figure, axes = plt.subplots(lines, columns, figsize=(3.4 * columns, 2.5 * lines), squeeze=False, layout="constrained")
    for axis in axes.flat[len(traces):]:
        axis.set_visible(False)
    for axis, trace in zip(axes.flat, traces):
        for peer in dict.fromkeys(row["peer"] for row in rows):
            points = sorted((r["cache_objects"], r["hit_ratio"]) for r in rows if r["trace"] == trace and r["peer"] == peer)
            axis.plot(*zip(*points), marker="o", markersize=3, linewidth=1.2, label=peer,
                      **({"color": LARDER, "zorder": 3} if peer == "larder" else {}))
        axis.set_xscale("log")
        axis.set_ylim(0, 1)
        axis.set_title(trace, fontsize=9)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(fontsize=7, frameon=False)
    figure.supxlabel("cache size in objects", fontsize=9)
    figure.supylabel("hit ratio", fontsize=9)
    save(figure, results, "hit_ratio")


def main():
    results = sys.argv[1]
    cases = defaultdict(list)
    for row in read_rows(os.path.join(results, "latest.jsonl")):
        cases[row["case"]].append(row)
    for case, rows in cases.items():
        if case == "hit_ratio":
            plot_hit_ratios(rows, results)
        else:
            plot_case(case, rows, results)
    print(f"{len(cases)} plots in {results} (SVG and PNG)")


if __name__ == "__main__":
    main()
