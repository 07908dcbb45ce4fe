"""Reads recordings with the public readers that are installed; driven by readers.ts, one request a line on stdin.

Request: {"reader", "file", "repeats"}. Answer: {"events", "seconds" (CPU, median), "best", "digest": {t, x, y, on}} or {"error"}.
Digests are SHA3-224 of the columns as little-endian u64, u16, u16, u8, as `metaloihi data info` prints them.
"""
import hashlib
import json
import sys
import time

import numpy as np


def expelliarmus(encoding):
    from expelliarmus import Wizard

    def read(path):
        events = Wizard(encoding=encoding, fpath=path).read()
        return events["t"], events["x"], events["y"], events["p"]

    return read


def faery(path):
    import faery as library

    events = np.concatenate([packet for packet in library.events_stream_from_file(path)])
    return events["t"], events["x"], events["y"], events["on"]


def aedat(path):
    import aedat as library

    events = np.concatenate([packet["events"] for packet in library.Decoder(path) if "events" in packet])
    return events["t"], events["x"], events["y"], events["on"]


def tonic_nmnist(path):
    from tonic.io import read_mnist_file

    events = read_mnist_file(path, dtype=np.dtype([("x", int), ("y", int), ("t", int), ("p", int)]))
    return events["t"], events["x"], events["y"], events["p"]


def tonic_davis(path):
    from tonic.io import read_davis_346

    # It mirrors both axes.
    events = read_davis_346(path)[2]
    return events["t"], 345 - events["x"], 259 - events["y"], events["p"]


READERS = {
    "expelliarmus evt2": expelliarmus("evt2"), "expelliarmus evt3": expelliarmus("evt3"), "expelliarmus dat": expelliarmus("dat"),
    "faery": faery, "aedat": aedat, "tonic nmnist": tonic_nmnist, "tonic davis346": tonic_davis,
}


def digest(column, kind):
    return hashlib.sha3_224(np.ascontiguousarray(np.asarray(column), dtype=kind).tobytes()).hexdigest()


for line in sys.stdin:
    request = json.loads(line)
    try:
        read = READERS[request["reader"]]
        times = []
        for _ in range(request["repeats"]):
            start = time.process_time()
            t, x, y, on = read(request["file"])
            times.append(time.process_time() - start)
        times.sort()
        answer = {
            "events": len(t), "seconds": times[len(times) // 2], "best": times[0],
            "digest": {"t": digest(t, "<u8"), "x": digest(x, "<u2"), "y": digest(y, "<u2"), "on": digest(on, "u1")},
            "flipped": digest(np.max(y) - np.asarray(y), "<u2") if len(t) else "",
        }
    except Exception as error:  # noqa: BLE001  a reader that fails is an answer
        answer = {"error": f"{type(error).__name__}: {str(error)[:120]}"}
    print(json.dumps(answer), flush=True)
