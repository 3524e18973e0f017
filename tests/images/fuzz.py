"""Coverage-guided fuzzing of the gate (``make fuzz``): a verdict or a refusal, whatever the bytes.

The gate is imported under instruments, so nothing above may import it first.
"""

import asyncio
import importlib
import sys
from pathlib import Path
from typing import Any

from tests.images.reader import MemoryImage

LIMIT = 1 << 40


def main(folder: str, *flags: str) -> None:
    """Fuzz until the flags say stop; a finding ends it and leaves its input behind."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["hypervisor_agent.gate"]):
        gate: Any = importlib.import_module("hypervisor_agent.gate")
    inputs: Any = importlib.import_module("tests.images.fuzz_inputs")
    loop = asyncio.new_event_loop()
    allowed = frozenset(gate.Option)

    def once(data: bytes) -> None:
        if len(data) < 2:
            return
        form, stored = inputs.image_of(data)
        image = MemoryImage(stored)
        expected = gate.Expectation(form, LIMIT, allowed)
        verdict = loop.run_until_complete(gate.inspect(image, expected))
        assert verdict.accepted == (not verdict.code)
        assert verdict.virtual_size <= LIMIT
        assert sum(image.reads) <= (8 << 20) + 10 * len(stored)

    corpus = Path(folder, "corpus")
    inputs.seeds(corpus)
    atheris.Setup([sys.argv[0], *flags, f"-max_len={inputs.LONGEST}", str(corpus)], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
