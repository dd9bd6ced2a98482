"""Plots, drawn by sluice-load."""

import subprocess

from scenarios import harness


def lines(path, title, series, labels, marks=(), scales=("linear", "linear")):
    """Writes the SVG. `series`: {name: [(x, y), ...]}; `labels` and `scales` (linear, log): of x and
    y; `marks`: [(x, what happened then), ...]."""
    text = [f"title {title}", f"x {scales[0]} {labels[0]}", f"y {scales[1]} {labels[1]}"]
    text += [f"mark {x:.6f} {what}" for x, what in marks]
    for name, line in series.items():
        text += [f"line {name}", *[f"{x:.6f} {y:.6f}" for x, y in line]]
    source = path.with_suffix(".plot")
    source.write_text("\n".join(text) + "\n")
    subprocess.run([harness.program("sluice-load"), "--plot", source, "--svg", path], check=True,
                   timeout=60)
    source.unlink()
