"""Every planted bug, by name."""

from planted import in_forgetting, in_power, in_the_hallway, in_the_ledger, on_the_way_in
from planted.planting import Bug

BUGS: dict[str, Bug] = {
    **in_the_hallway.BED.bugs,
    **in_power.BED.bugs,
    **on_the_way_in.BED.bugs,
    **in_the_ledger.BED.bugs,
    **in_forgetting.BED.bugs,
}
