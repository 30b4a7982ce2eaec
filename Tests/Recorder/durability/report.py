"""The report: Markdown and JSON."""

import json
import platform
import time
from pathlib import Path

from suite import Row, Suite


def write(directory: Path, suite: Suite, rows: list[Row], seconds: float) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "report.json").write_text(json.dumps(as_json(suite, rows, seconds), indent=1) + "\n")
    (directory / "report.md").write_text(as_markdown(suite, rows, seconds))


def totals(rows: list[Row]) -> dict[str, int]:
    result: dict[str, int] = {}
    for row in rows:
        if row.must == "hold":
            result[f"{row.part}: {row.unit}"] = result.get(f"{row.part}: {row.unit}", 0) + row.tried
    return result


def as_json(suite: Suite, rows: list[Row], seconds: float) -> dict[str, object]:
    return {
        "seed": suite.seed, "short": suite.short, "seconds": round(seconds), "right": all(row.right for row in rows),
        "totals": totals(rows),
        "rows": [{
            "part": row.part, "name": row.name, "must": row.must, "right": row.right, "skipped": row.skipped,
            "tried": row.tried, "unit": row.unit, "seconds": round(row.seconds, 1), "notes": row.notes,
            "failures": [{"reason": f.reason, "replay": f.replay} for f in row.failures[:50]],
        } for row in rows],
    }


def as_markdown(suite: Suite, rows: list[Row], seconds: float) -> str:
    lines = [
        "# Durability report", "",
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {platform.system()} {platform.machine()}, "
        f"seed {suite.seed}, {'the short run' if suite.short else 'the long run'}, {seconds / 3_600:.2f} hours with {suite.jobs} jobs at a time.",
        "",
    ]
    lines += [f"- {name}: {count:,}" for name, count in totals(rows).items()]
    wrong = [row for row in rows if not row.right]
    controls = [row for row in rows if row.must == "fail" and not row.skipped]
    lines.append(f"- controls that failed, as they must: {sum(row.right for row in controls)} of {len(controls)}")
    lines += [f"- rows not as they must be: {len(wrong)}", "", "| part | case | must | tried | found | seconds | |", "| --- | --- | --- | --: | --: | --: | --- |"]
    for row in rows:
        found = str(row.notes.get("failed images", len(row.failures)))
        notes = row.skipped or "; ".join(f"{name}: {value}" for name, value in row.notes.items() if name != "failed images")
        mark = "skipped: " if row.skipped else "" if row.right else "**WRONG** "
        lines.append(f"| {row.part} | {row.name} | {row.must} | {row.tried:,} {row.unit} | {found} | {row.seconds:.0f} | {mark}{notes} |")
    for row in wrong:
        lines += ["", f"## {row.part}: {row.name}", ""]
        if row.must == "fail" or not row.tried:
            lines.append("A control that passes, or nothing was tried: the suite is broken." if not row.failures else "")
        for failure in row.failures[:10]:
            lines += [f"- {failure.reason}", f"  `{failure.replay}`" if failure.replay else ""]
    return "\n".join(lines) + "\n"
