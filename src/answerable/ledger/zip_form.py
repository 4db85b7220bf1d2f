"""The one form of a bundle's zip: what stands before a member, what the directory has
of it, and what ends the file."""

import struct
import zipfile

from answerable.ledger import bundle

_VERSION, _VERSION_ZIP64 = 20, 45
_RECORD = struct.Struct("<4s4B4H3L5H2L")
_END64 = struct.Struct("<4sQ2H2L4Q4sLQL")  # and its locator
_END = struct.Struct("<4s4H2LH")
_DATE = 0x21  # 1980-01-01
_IN_EXTRA = 0xFFFFFFFF


def problem_of(member: zipfile.ZipInfo) -> str:
    """What is wrong with how a member lies there; empty where nothing is."""
    if not bundle.NAME.match(member.orig_filename):
        return "is no name of a member"
    is_plain = not (member.compress_type or member.flag_bits) and member.extra == _extra_of(member)
    if not is_plain or member.file_size != member.compress_size:
        return "is not stored as it is"
    if member.file_size > bundle.MEMBER_BYTES_MAX:
        return "is larger than a member can be"
    if member.date_time != bundle.EPOCH or member.comment or member.internal_attr:
        return "is not written as a bundle is"
    if member.external_attr != bundle.MODE or member.create_system != bundle.UNIX:
        return "is not a plain file"
    return ""


def header_of(member: zipfile.ZipInfo) -> bytes:
    """What the one writer of bundles puts before a member."""
    plain = zipfile.ZipInfo(member.orig_filename, bundle.EPOCH)
    plain.CRC, plain.file_size, plain.compress_size = (
        member.CRC, member.file_size, member.compress_size,
    )  # fmt: skip
    return plain.FileHeader(zip64=False)


def record_of(member: zipfile.ZipInfo) -> bytes:
    """What the directory has of a member, byte for byte."""
    name, extra = member.orig_filename.encode(), _extra_of(member)
    version = _VERSION_ZIP64 if extra else _VERSION
    at = _IN_EXTRA if extra else member.header_offset
    return _RECORD.pack(
        b"PK\x01\x02", version, bundle.UNIX, version, 0, 0, 0, 0, _DATE, member.CRC,
        member.compress_size, member.file_size, len(name), len(extra), 0, 0, 0, bundle.MODE, at,
    ) + name + extra  # fmt: skip


def tail_of(count: int, at: int, size: int) -> bytes:
    """What ends the file: `count` members, and a directory of `size` bytes that begins `at`."""
    tail = b""
    if count > zipfile.ZIP_FILECOUNT_LIMIT or at > zipfile.ZIP64_LIMIT:
        tail = _END64.pack(
            b"PK\x06\x06", 44, _VERSION_ZIP64, _VERSION_ZIP64, 0, 0, count, count, size, at,
            b"PK\x06\x07", 0, at + size, 1,
        )  # fmt: skip
    short = min(count, zipfile.ZIP_FILECOUNT_LIMIT)
    return tail + _END.pack(b"PK\x05\x06", 0, 0, short, short, size, min(at, _IN_EXTRA), 0)


def _extra_of(member: zipfile.ZipInfo) -> bytes:
    """Where it begins, as zip64 has it, where that is over 2 GiB: the library writes it so."""
    at = member.header_offset
    return struct.pack("<HHQ", 1, 8, at) if at > zipfile.ZIP64_LIMIT else b""
