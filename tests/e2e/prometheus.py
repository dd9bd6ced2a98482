"""Reads Prometheus' text format, and is strict about it."""

import re

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def parse_labels(text):
    labels = LABEL.findall(text or "")
    again = ",".join(f'{name}="{value}"' for name, value in labels)
    assert again == (text or ""), text
    return dict(labels)


def parse(text):
    """{family: {"help", "type", "samples": [(name, labels, value)]}}; asserts that every sample
    stands behind the HELP and TYPE of its family."""
    families = {}
    family = None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in families, f"{family} comes twice"
            families[family] = {"help": line.split(" ", 3)[3], "type": None, "samples": []}
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == family, line
            families[family]["type"] = line.split(" ")[3]
        else:
            name, labels, value = SAMPLE.match(line).groups()
            assert name == family or re.fullmatch(family + "_(bucket|sum|count)", name), line
            families[family]["samples"].append((name, parse_labels(labels), float(value)))
    return families


def total(families, name, **labels):
    """The sum of the samples of that name with those labels."""
    return sum(value for family in families.values() for sample, seen, value in family["samples"]
               if sample == name and labels.items() <= seen.items())
