#!/usr/bin/env bash
# A million cells of the shipped model, drawn and scored (the paper's five scores) against 10,000 reference cells: the
# training split of 2,193 nets in six orientations. Drawn with 14 steps instead of 46, from 10,000 of the denoiser's 30,000
# points, and with two levels to cut at instead of nine, which takes half the time; what that costs, the scores tell.
# Prints seconds and most memory of each step, and keeps them beside the scores. A step that is broken off goes on where
# it was when the same command is given again; what exists is kept.
#   experiments/million.sh [CELLS]        SIZE=tiny: 600 cells against a few, in a minute or two
# WORKERS: processes that draw, and threads that score (two). OUT: where all goes (the checkout).
set -euo pipefail
cd "$(dirname "$0")/.."
cells=${1:-1000000} nets=2193 vox=${VOXPLORE:-voxplore}
[ "${SIZE:-}" != tiny ] || { cells=600 nets=40; }
out=${OUT:-.} workers=${WORKERS:-2}
drawn=$out/samples/million/$cells row=$out/results/robustness/million/$cells
quick=(steps=14 early=4 points=10000 "lower=[0.3]" spanning=false redraws=0 turn=none)
[ "${SIZE:-}" != tiny ] || quick=(steps=14 early=4)
export VOXPLORE_THREADS=$workers

timed() { # timed NAME COMMAND...: seconds and the most memory that one process held
    local name=$1
    shift
    python3 - "$name" "$@" <<'PYTHON'
import resource, subprocess, sys, time
started = time.monotonic()
status = subprocess.run(sys.argv[2:], check=False).returncode
seconds, most = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"{sys.argv[1]}: {seconds:.0f} s, {most // 1024} MB in the largest process", flush=True)
sys.exit(status)
PYTHON
}

mkdir -p "$out/data" "$(dirname "$row")"
[ -e "$out/data/nets$nets" ] || "$vox" build nets --n "$nets" --seed 0 --out "$out/data/nets$nets"
[ -e "$drawn" ] || timed generate "$vox" generate default --n "$cells" --device cpu --workers "$workers" \
    --set "${quick[@]}" --out "$drawn" | tee -a "$row.txt"
[ -e "$row" ] || timed evaluate "$vox" evaluate "$drawn" --reference "$out/data/nets$nets" --five --out "$row" | tee -a "$row.txt"
