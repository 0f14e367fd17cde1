#!/usr/bin/env bash
# The same recipe at 24, 48, 64 and 96 voxels an edge: fewer cells and a short training at all of them, so that the rows
# can be read against each other, not against those of the other tables. Reconstruction, 200 cells, scores, one table.
#   experiments/resolution.sh nets|shells [RESOLUTION ...]
# Two CPU cores: see docs/reproduce.md. SIZE=tiny: 60 cells at 16 and 24, in OUT.
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
shift
resolutions=("$@") cells=2000 drawn=200 shown=60000
[ $# -gt 0 ] || resolutions=(24 48 64 96)
if [ "$size" = tiny ]; then
    cells=60 drawn=8 shown=320
    [ $# -gt 0 ] || resolutions=(16 24)
fi
rows=()
for d in "${resolutions[@]}"; do
    data=data/$set-$d-few run=runs/resolution-$set/$d row=results/$set/resolution/$d/seed0
    [ -e "$data" ] || "$vox" build "$set" --n $cells --seed 0 --resolution "$d" --out "$data"
    [ -e "$run/model" ] || "$vox" train "$data" --recipe "voxplore-$set-$size" --out "$run" \
        --set "autoencoder.resolution=$d" autoencoder_training.cells=$shown
    iou=results/$set/resolution/$d/reconstruction.json
    [ -e "$iou" ] || "$python" "$here/reconstruction.py" "$run/model" "$data" --out "$iou"
    [ -e "samples/resolution-$set/$d" ] || "$vox" generate "$run/model" --n $drawn --seed 0 --out "samples/resolution-$set/$d"
    [ -e "$row" ] || "$vox" evaluate "samples/resolution-$set/$d" --reference "$data" --name "$d^3" --out "$row" \
        --rows --row-size $drawn
    [ -e "results/$set/resolution/$d/cells.png" ] ||
        "$vox" render "samples/resolution-$set/$d" --n 16 --out "results/$set/resolution/$d/cells.png"
    rows+=("$row")
done
"$vox" compare "${rows[@]}" --out "results/$set/resolution/table" --overwrite
