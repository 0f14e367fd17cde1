#!/usr/bin/env bash
# VoxPlore at the small size on one set: build, train, draw 1,000 cells with seeds 0, 1, 2, score; reference rows too.
# The same model with symmetrised decoding (voxplore-sym-*) beside it: its training is the same, so it goes on from the
# other's checkpoint. What exists is kept, so the same command again goes on. Two CPU cores: about 20 minutes a set.
#   experiments/small.sh nets|shells|both
set -euo pipefail
cd "$(dirname "$0")/.."
set=${1:?"nets, shells or both"}
plain=voxplore-$set-small
vox=${VOXPLORE:-voxplore}

build() { [ -e "data/$1" ] || "$vox" build "$1" --n 10000 --seed 0 --out "data/$1"; }
if [ "$set" = both ]; then
    build nets
    build shells
    [ -e data/both ] || "$vox" build joined --sets data/nets data/shells --out data/both
else
    build "$set"
fi

for recipe in "$plain" "voxplore-sym-$set-small"; do
    if [ ! -e "runs/$recipe/run" ] && [ "$recipe" != "$plain" ]; then
        mkdir -p "runs/$recipe/run"
        cp "runs/$plain/run/autoencoder.safetensors" "runs/$plain/run/log.jsonl" "runs/$recipe/run/"
    fi
    "$vox" train "data/$set" --recipe "$recipe" --out "runs/$recipe"
    for seed in 0 1 2; do
        row=results/$set/$recipe/seed$seed drawn=samples/$recipe/seed$seed
        [ -e "$drawn" ] || "$vox" generate "runs/$recipe/model" --n 1000 --seed $seed --out "$drawn"
        rows=$([ "$seed$recipe" = "0$plain" ] && echo --rows || true)
        [ -e "$row" ] || "$vox" evaluate "$drawn" --reference "data/$set" --name "$recipe" --out "$row" $rows
    done
    [ -e "results/$set/$recipe/reconstruction.json" ] ||
        "${PYTHON:-python}" experiments/reconstruction.py "runs/$recipe/model" "data/$set"
    [ -e "results/$set/$recipe/cells.png" ] || "$vox" render "samples/$recipe/seed0" --out "results/$set/$recipe/cells.png"
done
