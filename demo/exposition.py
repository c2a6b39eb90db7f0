"""Read series out of an exposition."""

from prometheus_client.parser import text_string_to_metric_families

# A series: its name, and the labels that say what it is about (not those that say where it was measured).
Series = tuple[str, frozenset[tuple[str, str]]]
_ABOUT = ("chain", "pool", "asset", "source")


def gauges(exposition: str) -> dict[Series, float]:
    """Every sample's value."""
    return {
        series(sample.name, **sample.labels): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
    }


def series(name: str, **labels: str) -> Series:
    """The series of a name and labels."""
    return name, frozenset((label, value) for label, value in labels.items() if label in _ABOUT)


def written(one: Series) -> str:
    """As Prometheus writes it."""
    labels = ",".join(f'{label}="{value}"' for label, value in sorted(one[1]))
    return f"{one[0]}{{{labels}}}" if labels else one[0]
