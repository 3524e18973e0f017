"""One day of a zone, made of a seed: who wants which template when."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from random import Random

GB = 10**9
DAY = 86400.0
MEDIAN, SPREAD, SMALLEST, LARGEST = 4 * GB, 0.8, GB // 4, 40 * GB


@dataclass(frozen=True)
class Wish:
    """One host wants one template."""

    at: float
    digest: str
    size: int
    host: str


@dataclass(frozen=True)
class Day:
    """What is recorded of it."""

    templates: int = 400
    hosts: int = 300
    wishes: int = 4000
    storms: int = 3
    skew: float = 0.9
    """Of the popularity, which is Zipf's."""


def record(day: Day, seed: int) -> list[Wish]:
    """The same for the same seed: working hours are busier, what is popular drifts every two hours,
    and a storm is all hosts wanting one template within a minute."""
    random = Random(seed)
    sizes = [_size(random) for _ in range(day.templates)]
    order = list(range(day.templates))
    weights = [1 / (rank + 1) ** day.skew for rank in range(day.templates)]
    wishes: list[Wish] = []
    drifted = 0.0
    for at in sorted(_hour(random) for _ in range(day.wishes)):
        while at - drifted > 7200:
            drifted += 7200
            for _ in range(day.templates // 10):
                one, other = random.randrange(day.templates), random.randrange(day.templates)
                order[one], order[other] = order[other], order[one]
        wanted = order[random.choices(range(day.templates), weights)[0]]
        wishes.append(_wish(at, wanted, sizes, random.randrange(day.hosts)))
    for storm in range(day.storms):
        began, wanted = DAY * (0.35 + 0.12 * storm), random.randrange(day.templates)
        wishes += [
            _wish(began + 60 * random.random(), wanted, sizes, host) for host in range(day.hosts)
        ]
    return sorted(wishes, key=lambda wish: wish.at)


def _size(random: Random) -> int:
    return int(min(LARGEST, max(SMALLEST, MEDIAN * random.lognormvariate(0, SPREAD))))


def _hour(random: Random) -> float:
    """Three of four between eight and six."""
    if random.random() < 0.75:
        return (8 + 10 * random.random()) * 3600
    return DAY * random.random()


def _wish(at: float, template: int, sizes: list[int], host: int) -> Wish:
    digest = f"sha256:{sha256(str(template).encode()).hexdigest()}"
    return Wish(at, digest, sizes[template], f"h{host}")
