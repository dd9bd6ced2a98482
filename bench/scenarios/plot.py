"""A line plot as SVG, small enough to be read in a diff."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 36, 44
COLOURS = ["#1f6fb2", "#d1622b", "#3a8f4d", "#7a4fa3", "#8a6d1f"]


def ticks(most, wanted=6):
    """Round numbers from 0 to `most`."""
    step = 1.0
    while most / step > wanted:
        step *= 2.5 if str(step).startswith("2") else 2
    while most / step < wanted / 3:
        step /= 2
    return [i * step for i in range(int(most / step) + 1)]


class Scale:
    """From figures to pixels."""

    def __init__(self, x_most, y_most):
        self.x_most, self.y_most = x_most, y_most

    def x(self, x):
        return LEFT + x / self.x_most * (WIDTH - LEFT - RIGHT)

    def y(self, y):
        return HEIGHT - BOTTOM - y / self.y_most * (HEIGHT - TOP - BOTTOM)


def text(x, y, what, anchor="middle", more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" {more}>{escape(what)}</text>'


def axes(scale, labels):
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for y in ticks(scale.y_most):
        yield f'<path class="grid" d="M{LEFT} {scale.y(y):.1f}H{right}"/>'
        yield text(LEFT - 6, scale.y(y) + 4, f"{y:g}", "end")
    for x in ticks(scale.x_most, 12):
        yield text(scale.x(x), bottom + 16, f"{x:g}")
    yield f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>'
    yield text((LEFT + right) / 2, HEIGHT - 8, labels[0])
    yield text(LEFT - 6, TOP - 10, labels[1], "start")


def lines(path, title, series, labels, marks=()):
    """Writes it. `series`: {name: [(x, y), ...]}; `labels`: of x and y; `marks`: [(x, what
    happened then), ...]."""
    points = [point for line in series.values() for point in line]
    scale = Scale(max(x for x, _ in points) or 1, max(y for _, y in points) * 1.2 or 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
           "<style>text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}"
           ".axis,.line{fill:none;stroke:#333}.line{stroke-width:2}"
           ".mark{stroke:#999;stroke-dasharray:4 3}</style>",
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           text(WIDTH / 2, 18, title, more='font-weight="bold"'), *axes(scale, labels)]
    for x, what in marks:
        out.append(f'<path class="mark" d="M{scale.x(x):.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        out.append(text(scale.x(x) + 4, TOP + 12, what, "start"))
    for i, (name, line) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        dots = " ".join(f"{scale.x(x):.1f},{scale.y(y):.1f}" for x, y in line)
        out.append(f'<polyline class="line" style="stroke:{colour}" points="{dots}"/>')
        out.append(text(WIDTH - RIGHT, TOP + 16 * i - 6, name, "end", f'style="fill:{colour}"'))
    path.write_text("\n".join([*out, "</svg>\n"]))
