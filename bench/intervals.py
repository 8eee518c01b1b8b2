"""How often the interval of `effective_people` holds the truth, over simulated communities.

A community has people with known shares of the actions (equal, or by Zipf's law) and a law for the
messages of an action: one; about a dozen; lognormal; Pareto with exponent 1.1, whose mean hardly
exists; or lognormal around a mean of each person's own. Each repetition draws actions and asks
`bootstrap`, as queries do. The truth is 1 / sum of p², with p the expected shares of the messages.

    python bench/intervals.py [repetitions]

prints the Markdown table of docs/metrics/effective_people.md (ten minutes with 100 repetitions).
A cell has the percentage of the intervals that hold the truth, and in parentheses in how many
percent of the repetitions there was an interval, only a value ("about"), or not enough data. It is
no timed test.
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
| messages of an action | people | shares | 60 actions | 300 actions | 1,500 actions |
| --- | --: | --- | --- | --- | --- |"""
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
) -> tuple[Counter[str], int]:
    """Return how often there was an interval, about, or nothing; and the hits of the intervals."""
    people, exponent = community
    rng = np.random.default_rng([people, int(100 * exponent), actions, list(SIZES).index(sizes)])
    share = np.arange(1, people + 1) ** -exponent
    share /= share.sum()
    kinds: Counter[str] = Counter()
    hits = 0
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
        if result.low is None or result.high is None:
            kinds["about"] += 1
            continue
        assert result.high <= result.people
        kinds["interval"] += 1
        hits += result.low <= truth <= result.high
    return kinds, hits


def main() -> None:
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(HEADER)
    coverages = []
    for sizes in SIZES:
        for people, exponent in COMMUNITIES:
            cells = []
            for actions in ACTIONS:
                kinds, hits = simulate((people, exponent), actions, sizes, repetitions)
                shares = " / ".join(
                    f"{kinds[kind] / repetitions:.0%}" for kind in ("interval", "about", "nothing")
                )
                coverage = "none"
                if kinds["interval"] >= repetitions / 10:  # of fewer a percentage says nothing
                    coverages.append(hits / kinds["interval"])
                    coverage = f"{coverages[-1]:.0%}"
                cells.append(f"{coverage} ({shares})")
            law = f"Zipf {exponent:g}" if exponent else "equal"
            print(f"| {sizes} | {people:,} | {law} | {' | '.join(cells)} |", flush=True)
    print(
        f"\n{repetitions} repetitions; settings with an interval in at least a tenth of them: "
        f"{len(coverages)}; coverage at least {min(coverages):.0%}, median {median(coverages):.0%}"
    )


if __name__ == "__main__":
    main()
