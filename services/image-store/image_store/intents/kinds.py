"""Every kind of side effect image-store has."""

from stowage_runtime.service import IntentKind

from image_store.deps import Deps
from image_store.installing.continuing import INSTALLING
from image_store.intents.adopting import AdoptWork, adopt, adopt_failed
from image_store.intents.cleaning import CLEANING
from image_store.intents.cloning import CLONING
from image_store.intents.committing import CommitWork, commit, commit_failed
from image_store.intents.finishing import FINISHING
from image_store.intents.hosts import HostWork, tell, tell_failed
from image_store.intents.lifecycles import LifecycleWork, catch_up, catch_up_failed
from image_store.intents.locating import LOCATING
from image_store.intents.noting import NoteWork, write, write_failed
from image_store.intents.probing import ProbeWork, probe, probe_failed
from image_store.intents.reconfiguring import TrialWork, attempt, attempt_failed
from image_store.intents.removing import FindingWork, clean, clean_failed
from image_store.intents.scanning import ScanWork, scan, scan_failed
from image_store.intents.taking import TAKING

INTENTS = (
    IntentKind[Deps]("probe", ProbeWork, probe, probe_failed),
    IntentKind[Deps]("commit", CommitWork, commit, commit_failed),
    IntentKind[Deps]("trial", TrialWork, attempt, attempt_failed),
    IntentKind[Deps]("lifecycle", LifecycleWork, catch_up, catch_up_failed),
    IntentKind[Deps]("note", NoteWork, write, write_failed),
    IntentKind[Deps]("scan", ScanWork, scan, scan_failed, parallel=2),
    IntentKind[Deps]("clean", FindingWork, clean, clean_failed),
    IntentKind[Deps]("adopt", AdoptWork, adopt, adopt_failed, parallel=2),
    IntentKind[Deps]("host", HostWork, tell, tell_failed),
    LOCATING,
    *FINISHING,
    *INSTALLING,
    *TAKING,
    *CLONING,
    *CLEANING,
)
