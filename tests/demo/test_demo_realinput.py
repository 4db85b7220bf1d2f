"""Real input is checked whole before the first message is sent."""

import json
import mailbox
from email.message import EmailMessage
from pathlib import Path

import pytest

from answerable.base.errors import NotFound, UsageError
from answerable.demo.arrivals import day_start_us
from answerable.demo.realinput import BadInput, read_real

DAY = "2026-03-02"
GOOD = {"external_id": "m1", "from": "mara@example.org", "text": "Where is BW-204817?"}


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{x if isinstance(x, str) else json.dumps(x)}\n" for x in lines))
    return path


def test_json_lines_become_messages(tmp_path: Path) -> None:
    path = write(
        tmp_path / "in.jsonl",
        GOOD | {"sent_at": 1_772_409_600_000_001, "rail": "chat", "subject": "Hi"},
        "",
        GOOD | {"external_id": "m2", "sent_at": "2026-03-02T01:00:00+01:00", "other": 1},
    )
    first, second = read_real(path, DAY)
    assert (first.external_id, first.from_, first.text) == ("m1", "mara@example.org", GOOD["text"])
    assert (first.sent_at, first.rail, first.subject) == (1_772_409_600_000_001, "chat", "Hi")
    assert (second.sent_at, second.rail) == (day_start_us(DAY), "email")


def test_messages_without_a_time_are_spread_over_the_day(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *[GOOD | {"external_id": f"m{n}"} for n in range(50)])
    real = read_real(path, DAY)
    times = [message.sent_at for message in real]
    assert real.count == 50
    assert times == sorted(set(times))
    assert day_start_us(DAY) <= times[0]
    assert times[-1] < day_start_us("2026-03-03")
    assert [message.sent_at for message in real] == times


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{nope", "not JSON"),
        ("[1]", "Expected `object`, got `array`"),
        ({"from": "a", "text": "t"}, "missing field `external_id`"),
        (GOOD | {"text": 5}, "Expected `str`, got `int` - at `text`"),
        (GOOD | {"rail": "fax"}, "the rails are email and chat"),
        (GOOD | {"text": "x" * 262_145}, "text has 262145 bytes, more than 262144"),
        (GOOD | {"external_id": "x" * 600}, "external_id has 600 characters, more than 512"),
        (GOOD | {"from": "  "}, "from is empty"),
        (GOOD | {"sent_at": "yesterday"}, "sent_at 'yesterday' is neither"),
        (
            GOOD | {"sent_at": "2026-03-02T01:00:00"},
            "neither microseconds nor a time with its zone",
        ),
        (GOOD | {"sent_at": -1}, "sent_at -1 is neither"),
        ('{"external_id": "' + "x" * 5_000_000 + '"}', "the line is longer than 4194304 bytes"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_sent(tmp_path: Path, bad: object, says: str) -> None:
    path = write(tmp_path / "in.jsonl", GOOD, bad, GOOD)
    with pytest.raises(BadInput) as caught:
        read_real(path, DAY)
    said = str(caught.value)
    assert "in.jsonl: 1 of its messages cannot be read" in said
    assert "line 2: " in said
    assert says in said
    assert "Nothing was sent." in said
    assert "Next: " in said
    assert caught.value.exit_code == 2


def test_the_first_ten_bad_lines_are_listed(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", *["{"] * 25)
    with pytest.raises(BadInput) as caught:
        read_real(path, DAY)
    assert [bad.line for bad in caught.value.faults] == list(range(1, 11))
    assert "and 15 more" in str(caught.value)


def test_a_field_given_twice_is_no_error(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", '{"external_id":"a","from":"b","text":"t","text":"u"}')
    assert [message.text for message in read_real(path, DAY)] == ["u"]


def test_a_file_that_is_absent_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no file"):
        read_real(tmp_path / "absent.jsonl", DAY)
    with pytest.raises(UsageError, match="holds no message"):
        read_real(write(tmp_path / "empty.jsonl"), DAY)


def test_bytes_that_are_not_text_are_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"external_id":"a","from":"b","text":"t"}\n{"from":"\xff"}\n')
    with pytest.raises(BadInput, match="line 2: not JSON"):
        read_real(path, DAY)


def mail(number: int, text: str) -> EmailMessage:
    message = EmailMessage()
    message["Message-ID"] = f"<{number}@example.org>"
    message["From"] = "Inés Sandovar <ines@example.org>"
    message["Subject"] = "Où est mon colis ?"
    message["Date"] = "Mon, 02 Mar 2026 10:00:00 +0100"
    message.set_content(text)
    return message


def mbox(path: Path, *messages: EmailMessage) -> Path:
    box = mailbox.mbox(path)
    for message in messages:
        box.add(message)
    box.close()
    return path


def test_an_mbox_becomes_messages(tmp_path: Path) -> None:
    both = mail(2, "plain wins")
    both.add_alternative("<p>html</p>", subtype="html")
    html = mail(3, "")
    html.set_content("<style>p {}</style><p>only&nbsp;<b>html</b></p>", subtype="html")
    undated = mail(4, "no date")
    del undated["Date"]
    path = mbox(tmp_path / "in.mbox", mail(1, "Où est-il ?\nFrom here on"), both, html, undated)
    found = list(read_real(path, DAY))
    assert [m.external_id for m in found] == [f"<{n}@example.org>" for n in (1, 2, 3, 4)]
    assert found[0].text == "Où est-il ?\n>From here on"  # mbox writes it so
    assert [m.text for m in found[1:]] == ["plain wins", "only html", "no date"]
    assert found[0].from_ == "Inés Sandovar <ines@example.org>"
    assert found[0].subject == "Où est mon colis ?"
    assert found[0].sent_at == day_start_us(DAY) + 9 * 3_600_000_000
    assert {m.rail for m in found} == {"email"}


def test_a_bad_mail_is_named_by_its_line(tmp_path: Path) -> None:
    nameless = mail(2, "x")
    del nameless["Message-ID"]
    dateless = mail(3, "x")
    dateless.replace_header("Date", "Tue, 03 Mar 2026 10:00:00 +0100")
    path = mbox(
        tmp_path / "in.mbox", mail(1, "one\ntwo"), nameless, dateless, mail(4, "x" * 300_000)
    )
    path.write_text(path.read_text().replace("Date: Tue, 03 Mar 2026 10:00:00 +0100", "Date: soon"))
    with pytest.raises(BadInput) as caught:
        read_real(path, DAY)
    starts = [n for n, line in enumerate(path.read_text().splitlines(), 1) if line[:5] == "From "]
    assert [bad.line for bad in caught.value.faults] == starts[1:]
    wrong = [bad.wrong for bad in caught.value.faults]
    assert wrong[0] == "missing field Message-ID"
    assert wrong[1].startswith("Date 'soon'")
    assert wrong[2].startswith("text has 3000")


def test_a_file_that_goes_bad_after_the_check_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", GOOD)
    real = read_real(path, DAY)
    write(path, "{")
    with pytest.raises(BadInput, match="line 1: not JSON"):
        list(real)
