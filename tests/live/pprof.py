# SPDX-License-Identifier: BSD-2-Clause
"""A recording's samples, read from the pprof file as another program would: protobuf's wire format, nothing of connprof's own.

The numbers of messages and members are those of profiler/report/pprof.proto.
"""
import gzip

PROFILE_TYPE, PROFILE_SAMPLE, PROFILE_LOCATION, PROFILE_FUNCTION, PROFILE_STRING = 1, 2, 4, 5, 6
SAMPLE_LOCATION, SAMPLE_VALUE, SAMPLE_LABEL = 1, 2, 3
LABEL_KEY, LABEL_TEXT, LABEL_NUMBER = 1, 2, 3


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if byte < 0x80:
            return value, at


def members(data):
    """(number, value) of a message: an int, or the bytes of what has a length."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            if tag & 7 != 2:
                raise ValueError(f"wire type {tag & 7}")
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        yield tag >> 3, value


def numbers(value):
    """One of a repeated number, or packed ones."""
    if isinstance(value, int):
        return [value]
    found, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        found.append(number)
    return found


def first(message, number, default=0):
    return next((value for key, value in members(message) if key == number), default)


class Sample:
    """functions: names, innermost first; values by the type's name; labels by key, texts or numbers."""

    def __init__(self, functions, values, labels):
        self.functions, self.values, self.labels = functions, values, labels


def read(path):
    with gzip.open(path) as file:
        parts = list(members(file.read()))
    texts = [value.decode("utf-8", "replace") for key, value in parts if key == PROFILE_STRING]
    types = [texts[first(value, 1)] for key, value in parts if key == PROFILE_TYPE]
    names = {first(value, 1): texts[first(value, 2)] for key, value in parts if key == PROFILE_FUNCTION}
    lines = {first(value, 1): [names[first(line, 1)] for key, line in members(value) if key == 4]
             for key, value in parts if key == PROFILE_LOCATION}
    return [sample_of(value, texts, types, lines) for key, value in parts if key == PROFILE_SAMPLE]


def sample_of(message, texts, types, lines):
    functions, values, labels = [], [], {}
    for key, value in members(message):
        if key == SAMPLE_LOCATION:
            functions += [name for location in numbers(value) for name in lines[location]]
        elif key == SAMPLE_VALUE:
            values += numbers(value)
        elif key == SAMPLE_LABEL:
            text = first(value, LABEL_TEXT)
            labels[texts[first(value, LABEL_KEY)]] = texts[text] if text else first(value, LABEL_NUMBER)
    return Sample(functions, dict(zip(types, values)), labels)
