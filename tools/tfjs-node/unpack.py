"""Takes libraries and folders of headers out of a wheel of TensorFlow: unpack.py WHEEL TARGET NAME..."""

import shutil
import sys
import zipfile
from pathlib import Path

wheel, target, *names = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in names:
        kind, path = ("lib", f"tensorflow/{name}") if ".so" in name else ("include", f"tensorflow/include/{name}/")
        members = [member for member in archive.namelist() if member.startswith(path) and not member.endswith("/")]
        if not members:
            sys.exit(f"{wheel} holds no {path}")
        for member in members:
            destination = Path(target, kind, member.removeprefix("tensorflow/").removeprefix("include/"))
            destination.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, destination.open("wb") as copy:
                shutil.copyfileobj(source, copy)
