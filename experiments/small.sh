#!/usr/bin/env bash
# VoxPlore at the small size on one set: build, train, draw 1,000 cells with seeds 0, 1, 2, score; reference rows too.
# The same model with symmetrised decoding (voxplore-sym-*) beside it: its training is the same, so it goes on from the
# other's checkpoint. What exists is kept, so the same command again goes on. Two CPU cores: about 20 minutes a set, 30
# for both. SIZE=tiny: about a minute, in OUT.
#   experiments/small.sh nets|shells|both
source "$(dirname "$0")/common.sh"
set=${1:?"nets, shells or both"}
plain=voxplore-$set-$size n=$([ "$size" = tiny ] && echo 20 || echo 1000)
built "$set"
for recipe in "$plain" "voxplore-sym-$set-$size"; do
    trained "$set" "$recipe"
    kept=results/$set/$recipe
    for seed in 0 1 2; do
        cells=samples/$recipe/seed$seed rows=()
        [ "$seed$recipe" != "0$plain" ] || rows=(--rows --row-size "$n")
        [ -e "$cells" ] || "$vox" generate "runs/$recipe/model" --n "$n" --seed $seed --out "$cells"
        [ -e "$kept/seed$seed" ] ||
            "$vox" evaluate "$cells" --reference "data/$set" --name "$recipe" --out "$kept/seed$seed" "${rows[@]}"
    done
    [ -e "$kept/reconstruction.json" ] ||
        "$python" "$here/reconstruction.py" "runs/$recipe/model" "data/$set" --out "$kept/reconstruction.json"
    [ -e "$kept/cells.png" ] || "$vox" render "samples/$recipe/seed0" --out "$kept/cells.png"
done
