#!/usr/bin/env python3
"""make_log_v1.py - the files in log-v1/, written from the words of wal/log/format.h alone.

Nothing here is shared with the log's own code. Run once, when the format was new; run again it
must write the same bytes. The story: a log of 512-byte blocks; a record, an empty one and a batch
of three fill segment 1, a record of 300 bytes begins segment 2, then a clean close. The wall clock
goes back once.
"""
import os
import struct
import sys

LOG_ID = bytes(range(0xA0, 0xB0))
BLOCK, SEGMENT_BYTES = 512, 2048
WALL = [1_700_000_000_000_000_001, 1_700_000_001_000_000_002,
        1_600_000_000_000_000_003, 1_700_000_002_000_000_004]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def u32(*values):
    return struct.pack(f"<{len(values)}I", *values)


def u64(*values):
    return struct.pack(f"<{len(values)}Q", *values)


def pad(data, align):
    return data + bytes(-len(data) % align)


def segment_header(segment, first_lsn, commit_ns, prev_life=0, prev_durable=0):
    data = b"SQUALSEG" + u32(1, BLOCK) + LOG_ID
    data += u64(1, segment, first_lsn, first_lsn - 1, commit_ns, SEGMENT_BYTES)
    data += u32(0, 0) + u64(prev_life, prev_durable)
    data += bytes(124 - len(data))
    return pad(data + u32(crc32c(data)), 512)


def group(segment, offset, first_lsn, wall_ns, commit_ns, payloads):
    binding = LOG_ID + u64(1, segment)
    records = b""
    for i, payload in enumerate(payloads):
        body = u32(len(payload)) + bytes([1, 1 if i + 1 < len(payloads) else 0, 0, 0]) + u32(i)
        body += payload + bytes(-len(payload) % 8)
        at = offset + 48 + len(records)
        records += u32(crc32c(binding + u64(at, first_lsn + i) + body)) + body
    header = b"GRP1" + u64(first_lsn, first_lsn - 1, wall_ns, commit_ns)
    header += u32(len(records), len(payloads))
    header = u32(crc32c(binding + u64(offset) + header)) + header
    return pad(header + records, BLOCK)


def mark_slot(slot, clean, sequence, durable_lsn, segment, offset, commit_ns, added):
    data = b"SQUALMRK" + u32(1, clean) + LOG_ID
    data += u64(sequence, 1, durable_lsn, 1, 1, segment, offset, commit_ns)
    data += bytes(120 - len(data)) + u32(added)
    return pad(data + u32(crc32c(u64(slot * 4096) + data)), 512)


def main():
    out = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "log-v1")
    os.makedirs(out, exist_ok=True)
    files = {
        "0000000000000001.wal": segment_header(1, 1, 0)
        + group(1, 512, 1, WALL[0], WALL[0], [b"first"])
        + group(1, 1024, 2, WALL[1], WALL[1], [b""])
        + group(1, 1536, 3, WALL[2], WALL[1], [b"a", b"bb", b"eightbyt"]),
        "0000000000000002.wal": segment_header(2, 6, WALL[1], 1, 0)
        + group(2, 512, 6, WALL[3], WALL[3], [bytes(i % 251 for i in range(300))]),
        "mark": pad(mark_slot(0, 0, 3, 5, 2, 512, WALL[1], 0), 4096)
        + mark_slot(1, 1, 4, 6, 2, 1024, WALL[3], 1),
        "lock": b"",
    }
    for name, data in files.items():
        with open(os.path.join(out, name), "wb") as file:
            file.write(data)


main()
