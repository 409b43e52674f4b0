# SPDX-License-Identifier: BSD-2-Clause
"""Figures into the documents: tables, and text between two marker comments."""


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def write_between(path, kind, name, text):
    """Replaces what stands between the two marker comments of kind:name in a document."""
    begin, end = f"<!-- {kind}:{name} -->", f"<!-- end:{name} -->"
    document = path.read_text(encoding="utf-8")
    if begin not in document or end not in document:
        raise SystemExit(f"{path}: no markers for {name}")
    head, rest = document.split(begin, 1)
    tail = rest.split(end, 1)[1]
    path.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
