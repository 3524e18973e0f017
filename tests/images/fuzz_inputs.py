"""What a fuzzer's bytes stand for, and the images it starts from.

An input starts with two bytes: the declared format, and what the rest is: an image as it stands,
or patches of an honest one of that format (offset and length, then bytes), resealed or not.
"""

from collections.abc import Iterator
from pathlib import Path

from stowage_contracts.values import ImageFormat

from tests.images.accepted import ACCEPTED
from tests.images.hostile import HOSTILE, PACKED
from tests.images.mutants import BASES, header_bytes, mutate, resealed

FORMS = tuple(BASES)
LITERAL, PATCHED, RESEALED = range(3)
LONGEST = 16 * 1024


def image_of(data: bytes) -> tuple[ImageFormat, bytes]:
    """How an input is declared, and the image it stands for."""
    form, mode, rest = FORMS[data[0] % len(FORMS)], data[1] % 3, data[2:]
    if mode == LITERAL:
        return form, rest
    image = mutate(BASES[form], list(_patches(form, rest)))
    return form, resealed(image, form) if mode == RESEALED else image


def _patches(form: ImageFormat, data: bytes) -> Iterator[tuple[int, bytes]]:
    places = header_bytes(form)
    while len(data) > 3:
        at, length = int.from_bytes(data[:2], "little"), data[2] % 16 + 1
        yield places[at % len(places)], data[3 : 3 + length]
        data = data[3 + length :]


def seeds(folder: Path) -> None:
    """Small images of the tests, and one patch of each format."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [(each.format, each.build()) for each in ACCEPTED.values()]
    images += [(each.declared, each.build()) for each in (*HOSTILE.values(), *PACKED.values())]
    inputs = [bytes([FORMS.index(f), PATCHED, 0, 0, 1, 1]) for f in FORMS]
    inputs += [
        bytes([FORMS.index(form), LITERAL]) + data
        for form, data in images
        if form in FORMS and len(data) < LONGEST
    ]
    for number, data in enumerate(inputs):
        (folder / f"seed-{number}").write_bytes(data)
