"""What image-store's handlers and workers are given."""

from dataclasses import dataclass

from stowage_runtime.secrets import Opener, RowCipher
from stowage_runtime.signing import Signer, Verifier
from stowage_stores.hosting import Hosted

from image_store.installing.choosing import Strategies
from image_store.settings import Settings


@dataclass(frozen=True)
class Deps:
    """Collaborators, built once in ``__main__.wire``."""

    settings: Settings
    stores: Hosted
    opener: Opener
    cipher: RowCipher
    signer: Signer
    verifier: Verifier
    installers: Strategies
    """How templates may become volumes, by name."""
