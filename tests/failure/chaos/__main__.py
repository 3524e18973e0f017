"""python -m tests.failure.chaos --seeds N [--seed K]: run seeds; 1 when an invariant broke."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from tests.conftest import Servers
from tests.failure.chaos.run import run, tally
from tests.failure.chaos.world import built
from tests.servers import leases
from tests.servers.s3 import S3Server


async def main(seeds: list[int], verbose: bool) -> int:
    """0 when everything held for every seed."""
    facts = Servers().exports("ceph")
    names = ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY")
    server = S3Server(*(facts[f"STOWAGE_TEST_S3_{name}"] for name in names))
    folder = Path(tempfile.mkdtemp(prefix="stowage-chaos-"))
    verdicts = []
    async with built(folder, Servers(), server) as world:
        for seed in seeds:
            began = time.monotonic()
            verdict = await run(world, seed)
            verdicts.append(verdict)
            _say(f"seed {seed}: {time.monotonic() - began:.0f} s, {tally([verdict])}")
            if verbose and not verdict.broken:
                _say(str(verdict))
            if verdict.broken:
                _say(f"{verdict}\nlogs: {folder}\nagain: make chaos SEED={seed}")
                return 1
    _say(f"{len(verdicts)} seeds hold: {tally(verdicts)}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--seed", type=int, help="that one only")
    parser.add_argument("--verbose", action="store_true", help="tell of runs that hold, too")
    parser.add_argument("--first", type=int, default=1, help="where the seeds begin")
    asked = parser.parse_args()
    chosen = (
        [asked.seed]
        if asked.seed is not None
        else list(range(asked.first, asked.first + asked.seeds))
    )
    for noisy in ("aiohttp.server", "aio_pika", "aiormq"):  # of connections we cut ourselves
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
    try:
        sys.exit(asyncio.run(main(chosen, asked.verbose)))
    finally:
        leases.leave_all()
