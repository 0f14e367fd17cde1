#!/usr/bin/env bash
# Put together what experiments/gpu.sh wrote to OUT: results, samples and models, each in its folder.
#   experiments/gpu/unpack.sh OUT FOLDER
set -euo pipefail
out=${1:?"the folder that experiments/gpu.sh wrote"} folder=${2:?"a folder to write"}
mkdir -p "$folder"
for kind in results weights; do
    if compgen -G "$out/$kind.*" > /dev/null; then cat "$out/$kind".[0-9] | tar x -C "$folder"; fi
done
