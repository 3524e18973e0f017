"""``python -m tests.simulator --seeds 10000 [--seed 7]``: exits 1 when a seed is wrong."""

import argparse
import sys
import time
from collections import Counter

from tests.simulator.run import simulate


def main() -> int:
    """Run many seeds, or one again with its event log."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator")
    parser.add_argument("--seeds", type=int, default=200, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="only this one, with its log")
    asked = parser.parse_args()
    if asked.seed is not None:
        outcome = simulate(asked.seed)
        _tell(str(outcome) if outcome.troubles else "\n".join(outcome.log))
        return bool(outcome.troubles)
    return _many(range(asked.first, asked.first + asked.seeds))


def _many(seeds: range) -> int:
    ends, wrong, began, virtual = Counter[str](), list[int](), time.monotonic(), 0.0
    for seed in seeds:
        outcome = simulate(seed)
        ends.update(outcome.ends)
        virtual += outcome.seconds
        if outcome.troubles:
            wrong.append(seed)
            _tell(f"seed {seed}: {'; '.join(outcome.troubles)}")
    spent = time.monotonic() - began
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(ends.items()))
    _tell(f"{len(seeds)} seeds, {virtual / 3600:.1f} virtual hours in {spent:.1f} s: {told}")
    if wrong:
        _tell(f"wrong: {wrong}\nagain, with its log: make simulate SEED={wrong[0]}")
    return bool(wrong)


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
