"""Sealed secrets open only for their owner, purpose and row; tickets only with our signature."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused, InvalidInput
from stowage_contracts.values import Bytes, Range, Value
from stowage_runtime import keys
from stowage_runtime.secrets import Opener, RowCipher, Sealer
from stowage_runtime.signing import Signer, Verifier

KEYS, OTHER = keys.make(), keys.make()
PUBLIC = KEYS["stowage_seal_public_key_image_store"]
PRIVATE = KEYS["stowage_seal_private_key_image_store"]
NOW = datetime(2026, 11, 20, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


class Span(Value):
    """Has Range's fields, under another name."""

    offset: Bytes
    length: int


def opener(*texts: str) -> Opener:
    return Opener(SecretStr(",".join(texts or (PRIVATE,))))


def changed(text: str) -> str:
    return text[:-3] + ("AAA" if text[-3:] != "AAA" else "BBB")


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_can_be_opened(plaintext: bytes, context: str) -> None:
    assert opener().open(Sealer.seal(PUBLIC, plaintext, context), context) == plaintext


def test_sealing_twice_gives_different_text() -> None:
    assert Sealer.seal(PUBLIC, b"x", "c") != Sealer.seal(PUBLIC, b"x", "c")


@pytest.mark.parametrize("context", ["store/2", "", "store/1 "])
def test_another_purpose_is_refused(context: str) -> None:
    with pytest.raises(InvalidInput):
        opener().open(Sealer.seal(PUBLIC, b"canary", "store/1"), context)


def test_another_owner_cannot_open() -> None:
    stranger = opener(KEYS["stowage_seal_private_key_cache_autoscaler"])
    with pytest.raises(InvalidInput):
        stranger.open(Sealer.seal(PUBLIC, b"canary", "c"), "c")


def test_a_replaced_key_still_opens_what_it_sealed() -> None:
    both = opener(OTHER["stowage_seal_private_key_image_store"], PRIVATE)
    assert both.open(Sealer.seal(PUBLIC, b"x", "c"), "c") == b"x"


@pytest.mark.parametrize("text", ["", "box1.", "box1.!!", "box1.AAAA", "row1.AAAA", "canary"])
def test_rubbish_is_refused_without_echo(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        opener().open(text, "c")
    assert "canary" not in str(caught.value)


def test_a_changed_box_is_refused() -> None:
    with pytest.raises(InvalidInput):
        opener().open(changed(Sealer.seal(PUBLIC, b"x" * 40, "c")), "c")


@pytest.mark.parametrize("text", ["", "canary", base64.b64encode(b"canary" * 9).decode()])
def test_a_bad_key_is_named_and_not_echoed(text: str) -> None:
    with pytest.raises(InvalidInput, match="seal private key") as caught:
        Opener(SecretStr(text))
    assert "canary" not in str(caught.value)


def ring(*names: str) -> SecretStr:
    raw = {name: keys.make()["stowage_at_rest_key"].partition(":")[2] for name in names}
    return SecretStr(",".join(f"{name}:{raw[name]}" for name in names))


def test_a_row_opens_only_where_it_was_sealed() -> None:
    cipher = RowCipher(ring("k1"))
    sealed = cipher.seal(b"canary", "stores/1")
    assert cipher.open(sealed, "stores/1") == b"canary"
    with pytest.raises(InvalidInput, match="another row"):
        cipher.open(sealed, "stores/2")


def test_an_old_key_opens_and_the_new_one_seals() -> None:
    old = ring("k1")
    both = RowCipher(SecretStr(f"{ring('k2').get_secret_value()},{old.get_secret_value()}"))
    sealed = RowCipher(old).seal(b"x", "r")
    assert both.open(sealed, "r") == b"x"
    assert both.stale(sealed)
    assert not both.stale(both.seal(b"x", "r"))


def test_a_key_that_left_the_ring_is_reported() -> None:
    with pytest.raises(InvalidInput, match="not in the ring"):
        RowCipher(ring("k2")).open(RowCipher(ring("k1")).seal(b"x", "r"), "r")


@pytest.mark.parametrize("text", ["", "k1", "k1:", "k1:AAAA", "k-1:x"])
def test_a_bad_ring_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        RowCipher(SecretStr(text))


@pytest.mark.parametrize("text", ["", "row1.", "row1.k1.", "row1.k1.AAAA", "row1.k1.!"])
def test_a_broken_row_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        RowCipher(ring("k1")).open(text, "r")


def signer(found: dict[str, str] = KEYS) -> Signer:
    return Signer(SecretStr(found["stowage_ticket_signing_key"]))


def verifier(*found: dict[str, str]) -> Verifier:
    return Verifier(",".join(each["stowage_ticket_verify_key"] for each in found or (KEYS,)))


CLAIMS = Range(offset=1, length=2)


def test_a_signed_ticket_is_believed() -> None:
    assert verifier().verify(signer().sign(CLAIMS, LATER), Range, NOW) == CLAIMS


def test_tickets_do_not_show_in_logs() -> None:
    assert "." not in repr(signer().sign(CLAIMS, LATER)).replace("SecretStr", "")


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (SecretStr(""), "grant.forged"),
        (SecretStr("a.b.c"), "grant.malformed"),
        (SecretStr("e30.e30"), "grant.forged"),
        (signer(OTHER).sign(CLAIMS, LATER), "grant.forged"),
        (signer().sign(CLAIMS, NOW), "grant.expired"),
        (signer().sign(Span(offset=1, length=2), LATER), "grant.malformed"),
    ],
)
def test_any_other_ticket_is_refused_with_its_reason(token: SecretStr, code: str) -> None:
    with pytest.raises(GrantRefused) as caught:
        verifier().verify(token, Range, NOW)
    assert caught.value.code == code


def test_claims_cannot_be_exchanged() -> None:
    mine = signer().sign(CLAIMS, LATER).get_secret_value()
    better = signer(OTHER).sign(Range(offset=0, length=99), LATER).get_secret_value()
    forged = f"{better.partition('.')[0]}.{mine.partition('.')[2]}"
    with pytest.raises(GrantRefused, match="signature"):
        verifier().verify(SecretStr(forged), Range, NOW)


def test_both_keys_are_believed_while_one_is_replaced() -> None:
    both = verifier(OTHER, KEYS)
    for each in (KEYS, OTHER):
        assert both.verify(signer(each).sign(CLAIMS, LATER), Range, NOW) == CLAIMS
