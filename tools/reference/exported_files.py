"""Checks exported ONNX files with onnx.checker, and compares their samples in onnxruntime with those of our sampler.

    python tools/reference/exported_files.py FOLDER

The folder is what tools/exported-files.ts wrote. Prints a table in Markdown; exits with 1 if a file is not a valid
model, a sample is off by more than 1e-5 in float32, or the root mean square is more than a hundredth (float16) or five
hundredths (int8) of the range of images, 2.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

LIMITS = {"float16": 1e-2, "int8": 5e-2}


def differences(path):
    """Largest difference, and root mean square, over all batches of a file."""
    arrays = np.load(path.with_suffix(".npz"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    types = {"tensor(float)": np.float32, "tensor(int32)": np.int32, "tensor(int64)": np.int64}
    inputs = {value.name: types[value.type] for value in session.get_inputs()}
    errors = []
    for count in sorted({int(name.split("/")[0]) for name in arrays if "/" in name}):
        given = {name: arrays["times" if name == "times" else f"{count}/{name}"] for name in inputs}
        feeds = {name: values.astype(inputs[name]) for name, values in given.items()}
        (samples,) = session.run(["samples"], feeds)
        wanted = arrays[f"{count}/samples"]
        assert samples.shape == wanted.shape, (path, samples.shape, wanted.shape)
        errors.append((samples.astype(np.float64) - wanted).ravel())
    errors = np.concatenate(errors)
    return np.abs(errors).max(), np.sqrt(np.mean(errors**2))


def drawn(path):
    """Whether a file that draws its own noise makes as many samples as requested, different ones in each run."""
    arrays = np.load(path.with_suffix(".npz"))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feeds = {}
    for value in session.get_inputs():
        kind = np.int32 if value.type == "tensor(int32)" else np.float32
        feeds[value.name] = arrays["times"] if value.name == "times" else arrays.get(f"7/{value.name}", np.array([7]))
        feeds[value.name] = feeds[value.name].astype(np.int64 if value.name == "count" else kind)
    (first,), (second,) = session.run(["samples"], feeds), session.run(["samples"], feeds)
    return first.shape == arrays["7/samples"].shape and bool(np.isfinite(first).all()) and not np.allclose(first, second)


def main(folder):
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, Python {sys.version.split()[0]}\n")
    print("| file | bytes | weights | largest difference | RMSE | RMSE : range |")
    print("| --- | ---: | --- | ---: | ---: | ---: |")
    failed = False
    for path in sorted(Path(folder).glob("*.onnx")):
        onnx.checker.check_model(str(path), full_check=True)
        metadata = {entry.key: entry.value for entry in onnx.load(str(path), load_external_data=False).metadata_props}
        precision = metadata["flowmap.precision"]
        if "inside" in metadata["flowmap.noise"]:
            good = drawn(path)
            failed |= not good
            print(f"| {path.stem} | {path.stat().st_size} | {precision} | {'other samples in each run' if good else 'wrong'} | | |")
            continue
        largest, rmse = differences(path)
        good = largest <= 1e-5 if precision == "float32" else rmse / 2 <= LIMITS[precision]
        failed |= not good
        size = sum(file.stat().st_size for file in Path(folder).glob(f"{path.name}*"))
        print(f"| {path.stem} | {size} | {precision} | {largest:.1e} | {rmse:.1e} | {rmse / 2:.1e} |{'' if good else ' too much'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
