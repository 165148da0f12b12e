#!/usr/bin/env python3
"""make_row_v1.py - the file row-v1, written from the words of wal/log/row.h alone.

Nothing here is shared with the log's own code. One row with a value of each type, extremes
included; tests/wal_row_test.c knows what it says. Run again it must write the same bytes.
"""
import os
import struct
import sys
import uuid


def fixed(kind, form, *values):
    return bytes([kind]) + struct.pack("<" + form, *values)


def counted(kind, data, unit=1):
    return bytes([kind]) + struct.pack("<I", len(data) // unit) + data


def decimal(coefficient, scale, negative):
    return bytes([8]) + coefficient.to_bytes(12, "little") + bytes([scale, negative, 0, 0])


def main():
    values = [
        b"\0",
        fixed(1, "B", 0),
        fixed(1, "B", 1),
        fixed(2, "h", -32768),
        fixed(3, "i", -2147483648),
        fixed(4, "q", -9223372036854775808),
        fixed(5, "Q", 18446744073709551615),
        fixed(6, "d", -1.5),
        fixed(6, "Q", 0x7FF4000000000001),  # A signalling NaN.
        fixed(7, "q", -1),
        decimal(2**96 - 1, 28, 1),
        decimal(100, 2, 0),
        b"\x09" + uuid.UUID("00112233-4455-6677-8899-aabbccddeeff").bytes,
        counted(10, "Grüße, 世界 🌍".encode()),
        counted(10, b""),
        counted(11, bytes(range(256))),
        counted(12, b' {"a": [1, -0.5e+3, null, "\\u00e9"]} '),
        counted(13, struct.pack("<3d", 0.1, -0.0, 1e308), 8),
    ]
    row = b"ROW1" + struct.pack("<I", len(values)) + b"".join(values)
    here = os.path.dirname(os.path.abspath(sys.argv[0]))
    with open(os.path.join(here, "row-v1"), "wb") as file:
        file.write(row)


main()
