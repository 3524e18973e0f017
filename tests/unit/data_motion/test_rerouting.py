"""A copy that is handed over before anybody moved it."""

from data_motion import model
from data_motion.model import steering
from data_motion.model.plan import Decision
from data_motion.records import HopRecord
from stowage_contracts.messages.data_motion import RerouteCopy
from stowage_contracts.plugins.data_motion_strategy import HopLeg, MotionPlan

from tests.unit.data_motion.build import NOW, RULES, asked


def test_a_hop_nobody_had_yet_leaves_nobody_and_can_be_read_back() -> None:
    job = model.begin(asked(), NOW)
    plan = Decision((), "any", MotionPlan(hops=(HopLeg(),)))
    waiting = model.plan(job, plan, NOW, RULES).job
    after = steering.reroute(waiting, RerouteCopy(copy_id="copy1"), NOW, RULES).job
    (hop,) = after.hops
    assert hop.avoided == ()
    assert HopRecord.model_validate(hop.model_dump(mode="json")) == hop
