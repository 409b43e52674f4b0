# SPDX-License-Identifier: BSD-2-Clause
"""A short slice of `make accuracy`: of the stacks of a program that does nothing but call, none is impossible, in any CPython."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "accuracy"))
import cpythons  # noqa: E402
import live  # noqa: E402
import oracle  # noqa: E402
from live import case, expect  # noqa: E402


@case
def no_stack_is_impossible_in_any_version():
    verdicts, summary = oracle.record(cpythons.found(*cpythons.VERSIONS), 4999, 6)
    for version, verdict in verdicts.items():
        for judged in verdict.counts:
            expect(not judged.startswith("impossible"), "\n".join([f"{version}: {judged}", *verdict.worst(judged), summary]))
        expect(verdict.samples > 500, f"{version}: only {verdict.samples} samples: {summary}")
        # Threads that live for a millisecond have no Python frames at their beginning and end; next to none is broken.
        expect(verdict.counts["right"] > 0.8 * verdict.samples, f"{version}: {verdict.counts}: {summary}")
        expect(verdict.counts["unreadable"] + verdict.counts["rootless"] < 0.002 * verdict.samples, f"{version}: {verdict.counts}: {summary}")


if __name__ == "__main__":
    live.main()
