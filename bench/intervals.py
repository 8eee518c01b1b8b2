"""How often the interval of `effective_people` holds the truth, over simulated communities.

A community has people with known shares of the actions (equal, or by Zipf's law) and a law for the
messages of an action: one; about a dozen; lognormal; Pareto with exponent 1.1, whose mean hardly
exists; or lognormal around a mean of each person's own. Each repetition draws actions and asks
`bootstrap`, as queries do. The truth is 1 / sum of p², with p the expected shares of the messages.

    python bench/intervals.py [repetitions]

prints a Markdown table for docs/metrics/effective_people.md (a quarter of an hour with 200
repetitions): of the repetitions the percentages in which there was an interval, only a value
("about"), or not enough data; the percentage of the intervals that hold the truth; and the median
of the values relative to the truth. It is no timed test.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from statistics import median

import numpy as np
from numpy.typing import NDArray

from hubbub.analyzers.evenness.bootstrap import bootstrap

Floats = NDArray[np.float64]
#: People, and the exponent of Zipf's law for their shares of the actions (0: equal shares).
COMMUNITIES = ((20, 0.0), (100, 0.0), (40, 1.0), (300, 0.5), (200, 1.25), (800, 1.25), (2000, 1.0))
HEADER = """\
| messages | people | shares | actions | interval | about | not enough | coverage | value / truth |
| --- | --: | --- | --: | --: | --: | --: | --: | --: |"""
ACTIONS = (60, 300, 1500)


def one(_rng: np.random.Generator, means: Floats) -> Floats:
    return np.ones(len(means))


def dozen(rng: np.random.Generator, means: Floats) -> Floats:
    return np.maximum(1.0, rng.poisson(12, len(means)))


def lognormal(rng: np.random.Generator, means: Floats) -> Floats:
    return np.floor(rng.lognormal(1, 1.1, len(means)) + 1)


def heavy(rng: np.random.Generator, means: Floats) -> Floats:
    return np.floor(rng.pareto(1.1, len(means)) + 1)


def own(rng: np.random.Generator, means: Floats) -> Floats:
    return 1.0 + rng.poisson(means)


SIZES: dict[str, Callable[[np.random.Generator, Floats], Floats]] = {
    "one": one,
    "a dozen": dozen,
    "lognormal": lognormal,
    "heavy tail": heavy,
    "by person": own,
}


def simulate(
    community: tuple[int, float], actions: int, sizes: str, repetitions: int
) -> dict[str, float]:
    """Return the columns of one row of the table."""
    people, exponent = community
    rng = np.random.default_rng([people, int(100 * exponent), actions, list(SIZES).index(sizes)])
    share = np.arange(1, people + 1) ** -exponent
    share /= share.sum()
    kinds: Counter[str] = Counter()
    hits, ratios = 0, []
    for _ in range(repetitions):
        means = rng.lognormal(1, 0.8, people)
        load = share * (1 + means) if sizes == "by person" else share
        truth = load.sum() ** 2 / (load**2).sum()
        who = rng.choice(people, size=actions, p=share)
        messages = SIZES[sizes](rng, means[who]).astype(int)
        runs = Counter(zip((f"{i:05}" for i in who), messages.tolist(), strict=True))
        result = bootstrap(sorted((user, size, number) for (user, size), number in runs.items()))
        if result.value is None:
            kinds["nothing"] += 1
            continue
        assert result.value <= result.people
        ratios.append(result.value / truth)
        if result.low is None or result.high is None:
            kinds["about"] += 1
            continue
        kinds["interval"] += 1
        hits += result.low <= truth <= result.high
    return {
        **{kind: kinds[kind] / repetitions for kind in ("interval", "about", "nothing")},
        "coverage": hits / kinds["interval"] if kinds["interval"] else float("nan"),
        "ratio": median(ratios) if ratios else float("nan"),
        "intervals": kinds["interval"],
    }


def _cell(value: float, form: str) -> str:
    return "-" if np.isnan(value) else format(value, form)


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print(HEADER)
    coverages = []
    for sizes in SIZES:
        for people, exponent in COMMUNITIES:
            for actions in ACTIONS:
                row = simulate((people, exponent), actions, sizes, repetitions)
                # with fewer intervals than this the percentage says nothing
                if row["intervals"] >= repetitions / 10:
                    coverages.append(row["coverage"])
                shares = f"Zipf {exponent:g}" if exponent else "equal"
                kinds = " | ".join(f"{row[k]:.0%}" for k in ("interval", "about", "nothing"))
                print(
                    f"| {sizes} | {people:,} | {shares} | {actions:,} | {kinds} "
                    f"| {_cell(row['coverage'], '.0%')} | {_cell(row['ratio'], '.2f')} |",
                    flush=True,
                )
    print(
        f"\n{repetitions} repetitions; settings with an interval in at least a tenth of them: "
        f"{len(coverages)}; coverage at least {min(coverages):.0%}, median {median(coverages):.0%}"
    )


if __name__ == "__main__":
    main()
