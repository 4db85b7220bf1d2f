"""The contract of the faces is kept: whatever may be asked is answered by exactly one handler."""

from collections import Counter
from typing import get_args

from answerable.worker import commands, verbs

VERBS: tuple[type, ...] = get_args(verbs.Verb)


def test_every_verb_has_a_handler_and_every_handler_a_verb() -> None:
    assert len(VERBS) > 40
    assert [verb.__name__ for verb in VERBS if verb not in commands._HANDLERS] == []
    assert [verb.__name__ for verb in commands._HANDLERS if verb not in VERBS] == []


def test_no_verb_is_answered_by_two_rooms_or_called_as_another_one() -> None:
    rooms = {room for room in vars(commands).values() if hasattr(room, "HANDLERS")}
    assert len(rooms) > 10
    counted = Counter(verb.__name__ for room in rooms for verb in room.HANDLERS)
    assert [name for name, count in counted.items() if count > 1] == []
    tags = Counter(str(verb.__struct_config__.tag) for verb in VERBS)  # type: ignore[attr-defined]
    assert [tag for tag, count in tags.items() if count > 1] == []
