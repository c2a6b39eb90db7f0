"""Merging is a union, whatever the workers say."""

import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from aggregator.merge import MalformedExposition, Part, labels_of, merge, read

NAMES = st.sampled_from(["usdx_a", "usdx_b_total", "usdx_b", "usdx_c", "up", "x:y", "usdx_a_count", "usdx_a_sum"])
LABEL_NAMES = st.sampled_from(["chain", "pool", "job", "instance", "exported_job", "le_", "_x"])
VALUES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\x1c\x1d\x1e\x85\u2028\u2029\x0b\x0c"),
    max_size=8,
)
HELPS = st.sampled_from(["One.", "Two.", r"With \\ and \n."])
NUMBERS = st.one_of(
    st.integers(-(10**18), 10**18).map(str),
    st.floats().map(lambda f: str(f).replace("inf", "Inf").replace("nan", "NaN")),
)


def escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@st.composite
def families(draw):
    name, kind = draw(NAMES), draw(st.sampled_from(["gauge", "counter", "untyped", "histogram", "summary"]))
    lines = [f"# HELP {name} {draw(HELPS)}", f"# TYPE {name} {kind}"]
    for labels, value in draw(
        st.lists(st.tuples(st.dictionaries(LABEL_NAMES, VALUES, max_size=3), NUMBERS), max_size=4)
    ):
        inside = ",".join(f'{k}="{escaped(v)}"' for k, v in labels.items())
        if kind == "histogram":
            comma = "," if inside else ""
            lines += [
                f'{name}_bucket{{{inside}{comma}le="+Inf"}} 2',
                f"{name}_sum{{{inside}}} {value}",
                f"{name}_count{{{inside}}} 2",
            ]
        elif kind == "summary":
            lines += [f"{name}_sum{{{inside}}} {value}", f"{name}_count{{{inside}}} 2"]
        else:
            lines.append(f"{name}{{{inside}}} {value}" if inside else f"{name} {value}")
    return name, lines


@st.composite
def expositions(draw):
    by_name = dict(draw(st.lists(families(), max_size=5)))
    return "\n".join(line for lines in by_name.values() for line in lines) + "\n"


def parts(texts):
    return [
        Part((("job", f"j{n}"), ("instance", f"i{n}:1"), ("service", "s")), read(text)) for n, text in enumerate(texts)
    ]


def samples(text):
    """Every sample of an exposition, as prometheus_client's own parser sees it."""
    return [
        (family.type, sample.name, frozenset(sample.labels.items()), repr(sample.value))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def readable(text):
    try:
        read(text)
    except MalformedExposition:
        return False
    return True


@given(st.lists(expositions().filter(readable), max_size=4))
def test_union(texts):
    """What the workers say together is what each says alone, value by value, under its own labels; of a family whose
    type is contested nothing is made up."""
    merged = merge(parts(texts))
    alone = Counter(sample for part in parts(texts) for sample in samples(merge([part]).text))
    found = Counter(samples(merged.text))
    endings = ("", "_bucket", "_sum", "_count", "_total")  # the parser calls every counter _total
    contested = {name + ending for name in merged.type_conflicts for ending in endings}
    assert found <= alone
    assert {one: n for one, n in found.items() if one[1] not in contested} == {
        one: n for one, n in alone.items() if one[1] not in contested
    }
    assert found.total() == sum(merged.samples)


@given(expositions().filter(readable))
def test_alone(text):
    """A worker alone keeps every sample; only labels are added, and its own of the same name are kept as exported."""
    merged = merge([Part((("worker", "w"),), read(text))])
    assert sorted(samples(merged.text)) == sorted(
        (kind, name, labels | {("worker", "w")}, value) for kind, name, labels, value in samples(text)
    )


@given(st.lists(expositions().filter(readable), max_size=3))
def test_again(texts):
    """What merge writes, merge reads: the result is itself an exposition with each family once."""
    text = merge(parts(texts)).text
    again = merge([Part((), read(text))])
    assert again.text == text
    assert (again.type_conflicts, again.help_conflicts) == ((), ())


@given(st.lists(expositions().filter(readable), min_size=2, max_size=3))
def test_families_once(texts):
    """HELP and TYPE of a name stand once, and no sample name belongs to two families."""
    lines = merge(parts(texts)).text.split("\n")
    types = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    read("\n".join(lines))


@given(st.dictionaries(st.text(string.ascii_lowercase, min_size=1), VALUES, min_size=1, max_size=3))
def test_labels_survive(labels):
    """Any label value, with quotes, backslashes and newlines, comes back as it was."""
    merged = merge([Part(tuple(labels.items()), read("usdx_a 1\n"))])
    ((_, inside, _),) = next(iter(read(merged.text).values())).samples
    assert labels_of(inside) == labels


@given(st.text(max_size=60))
def test_garbage(text):
    """Random text is either an exposition or refused, never another error."""
    try:
        merge([Part((), read(text))])
    except MalformedExposition:
        return


@pytest.mark.parametrize(
    "line",
    [
        'usdx_a{chain="x} 1',
        "usdx_a",
        "usdx_a{chain=x} 1",
        "1abc 1",
        "usdx_a one",
        "# TYPE usdx_a wrong",
        'usdx_a{a="b"c="d"} 1',
        "usdx_a 1 2 3",
        'usdx_a{l="1",l="2"} 1',
        'usdx_a{__name__="b"} 1',
        'usdx_a{job="1",job="2"} 1',
        "usdx_a 1e999",
        "usdx_a " + "9" * 400,
        "usdx_a +NaN",
        "usdx_a -nan",
        "usdx_a 1 9223372036854775808",
        "usdx_a 1 " + "9" * 5000,
        "usdx_a 1 -5",
        "\r",
        "\u3000",
        "\x0b",
    ],
)
def test_refused(line):
    """A line that is no sample refuses the whole exposition: half a worker's truth would look like all of it."""
    with pytest.raises(MalformedExposition):
        read(f"usdx_ok 1\n{line}\n")


@pytest.mark.parametrize(
    "line",
    ["usdx_a 1e-999", "usdx_a -INF", "usdx_a +Infinity", "usdx_a nAN", "usdx_a 1 9223372036854775807", " \t ", ""],
)
def test_taken(line):
    """Whatever Prometheus reads in an odd form is no reason to lose a worker."""
    read(f"usdx_ok 1\n{line}\n")
