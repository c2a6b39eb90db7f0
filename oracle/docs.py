"""Print the reference of reasons (`python -m oracle.docs > docs/oracle/reasons.md`)."""

from __future__ import annotations

import sys

from oracle.reasons import EXPLAINED

HEAD = """# Reasons

Every refusal carries one of these words: in the log, in the label of a metric, in the rows of `usdx.quotes` and
`usdx.observations`, in the API, and here. The set is closed. This page is made by `python -m oracle.docs`.

*fetch*: the source gave no quote (`usdx_oracle_errors_total{source,kind}`). *quote*: it gave one that was not used
(`usdx_oracle_rejected_prices_total{asset,reason}`). *observation*: the round as a whole has no fresh price
(`usdx_oracle_refused_rounds_total{asset,reason}`).

| reason | where | what happened | what to do |
|--|--|--|--|
"""


def reasons_page() -> str:
    """The page as Markdown."""
    rows = (f"| `{one}` | {text.where} | {text.meaning} | {text.advice} |\n" for one, text in EXPLAINED.items())
    return HEAD + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(reasons_page())
