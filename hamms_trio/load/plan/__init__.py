"""Everything that a load is made from: its shape and schedule, its request, and its target."""

from hamms_trio.load.plan.schedule import (
    Plan as Plan,
    Schedule as Schedule,
    make_schedule as make_schedule,
)
