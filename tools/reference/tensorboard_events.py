"""Reads an event file with TensorBoard itself and compares it with what was written.

    python tools/reference/tensorboard_events.py packages/train/src/node/__fixtures__/tensorboard.json
    python tools/reference/tensorboard_events.py FOLDER

With the first, the events of the JSON file must be those of the event file beside it. With the second, the scalars of the
folder of a run must be those of its log.jsonl, each step once.
"""

import json
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def single(value):
    """The value in single precision."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def scalars(folder):
    """What TensorBoard reads: for each tag a list of (step, value)."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0}, purge_orphaned_data=False)
    accumulator.Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def wanted(records):
    found = {}
    for record in records:
        for tag, value in record["scalars"].items():
            found.setdefault(tag, []).append((record["step"], single(value)))
    return found


if __name__ == "__main__":
    path = Path(sys.argv[1])
    if path.suffix == ".json":
        records = json.loads(path.read_text())["events"]
        folder = path.parent
    else:
        lines = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
        records = [{"step": line.pop("step"), "scalars": line} for line in lines]
        folder = path
    read = scalars(folder)
    assert read == wanted(records), f"TensorBoard read\n{read}\nwanted\n{wanted(records)}"
    count = sum(map(len, read.values()))
    print(f"{count} scalars of {len(read)} tags are the same, steps {sorted({step for values in read.values() for step, _ in values})}")
