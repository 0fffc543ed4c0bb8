#!/bin/sh
# Times Flowmap on this machine's GPU: ./bench-gpu --help
# Everything it needs but the GPU's driver lies beside it. Written for a machine without Node, npm or a network.
set -eu
here=$(CDPATH= cd -- "${0%/*}" && pwd)
bundled=$here/lib

system="/lib/x86_64-linux-gnu /usr/lib/x86_64-linux-gnu /lib64 /usr/lib64 /usr/lib /usr/local/lib"
nvidia="/usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/wsl/lib /run/opengl-driver/lib"
libraries=${LD_LIBRARY_PATH:-}
for folder in $nvidia; do
  if [ -d "$folder" ]; then libraries=$libraries:$folder; fi
done

# The folder among those given that has a file; fails where none does.
holder() {
  file=$1
  shift
  for place in "$@"; do
    if [ -e "$place/$file" ]; then
      printf %s "$place"
      return 0
    fi
  done
  return 1
}

# Each bundled library has a folder of its own, so that only those are taken that the system lacks.
for folder in "$bundled"/*; do
  if ! holder "${folder##*/}" $system $nvidia >/dev/null; then libraries=$libraries:$folder; fi
done
LD_LIBRARY_PATH=${libraries#:}
export LD_LIBRARY_PATH

# The loader of Vulkan looks for a driver's description only in its own folders; drivers put it elsewhere, or forget it.
described() {
  for file in /etc/vulkan/icd.d/*nvidia* /usr/share/vulkan/icd.d/*nvidia* /usr/local/share/vulkan/icd.d/*nvidia*; do
    if [ -e "$file" ]; then return 0; fi
  done
  return 1
}
if [ -z "${VK_DRIVER_FILES:-}${VK_ICD_FILENAMES:-}" ] && ! described; then
  if [ -e /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json ]; then
    export VK_DRIVER_FILES=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
  elif folder=$(holder libGLX_nvidia.so.0 $nvidia $system); then
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.3.0"}}\n' \
      "$folder/libGLX_nvidia.so.0" >"$here/nvidia_icd.json"
    export VK_DRIVER_FILES="$here/nvidia_icd.json"
  fi
fi

if ! "$here/bin/node" --version >/dev/null 2>&1; then
  echo "error: the bundled Node does not start here:" >&2
  "$here/bin/node" --version || true
  echo "It is for Linux on x64 with the C library that ABOUT.md names, or a newer one." >&2
  exit 1
fi
exec "$here/bin/node" "$here/app/bench-gpu.mjs" "$@"
