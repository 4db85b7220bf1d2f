"""One speaker: no send of an agent may start once a person has reached for the case.

A send registers here before it starts and leaves when it has ended; a takeover marks the case,
then waits for the sends in flight. Between the check and the registration there is no `await`, so
no takeover can come between them.
"""

import asyncio
from collections import Counter

from answerable.cases.domain import Lease
from answerable.cases.recent import Recent


class Leases:
    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        self._marked: Counter[str] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._late: dict[str, str] = {}  # effect -> its case; of a look-up no case
        self._ended = asyncio.Event()

    def may_send(self, case: str, lease: Lease) -> bool:
        """Whether `lease` still is the case's lease and nobody is taking the case over."""
        if case in self._marked:
            return False
        now = self._recent.find(case)
        return now is not None and now.lease == lease

    def begin_send(self, case: str, lease: Lease) -> bool:
        """Register a send under `lease`; False (and nothing registered) if it may not start."""
        if not self.may_send(case, lease):
            return False
        self._in_flight[case] += 1
        return True

    def end_send(self, case: str) -> None:
        self._in_flight[case] -= 1
        if not self._in_flight[case]:
            del self._in_flight[case]
        self._ended.set()
        self._ended = asyncio.Event()

    def left_behind(self, effect: str, case: str) -> None:
        """A call outlived its deadline and cannot be ended. `case` is empty if it only looked."""
        self._late[effect] = case

    def is_left_behind(self, effect: str) -> bool:
        return effect in self._late

    def came_back(self, effect: str) -> bool:
        """A call that was left behind has ended; says whether it was a send."""
        return bool(self._late.pop(effect, ""))

    def mark(self, case: str) -> None:
        """From here on no send on this case starts, until `unmark`."""
        self._marked[case] += 1

    def unmark(self, case: str) -> None:
        self._marked[case] -= 1
        if not self._marked[case]:
            del self._marked[case]

    async def sends_ended(self, case: str, timeout_s: float) -> bool:
        """Wait until no send is in flight on the case; False if one still is after the timeout,
        or outlived its own deadline and still runs."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._in_flight[case]:
                    await self._ended.wait()
        except TimeoutError:
            return False
        return case not in self._late.values()

    async def all_sends_ended(self, timeout_s: float) -> bool:
        """Wait until each send that is in flight now has ended: after a stop, nothing moves."""
        cases = [case for case in dict.fromkeys([*self._in_flight, *self._late.values()]) if case]
        ended = await asyncio.gather(*(self.sends_ended(case, timeout_s) for case in cases))
        return all(ended)
