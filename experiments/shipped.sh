#!/usr/bin/env bash
# The model in the package, scored like any other: 1,000 cells with seeds 0, 1, 2 against the sets that it was trained on.
# Two CPU cores: 5 minutes, most of it building the sets. SIZE=tiny: half a minute, in OUT.
#   experiments/shipped.sh
source "$(dirname "$0")/common.sh"
n=$([ "$size" = tiny ] && echo 12 || echo 1000)
build=(--seed 0) # at any size at the resolution of the model
built both
for seed in 0 1 2; do
    cells=samples/shipped/seed$seed row=results/both/shipped/seed$seed
    [ -e "$cells" ] || "$vox" generate default --n "$n" --seed $seed --out "$cells"
    [ -e "$row" ] || "$vox" evaluate "$cells" --reference data/both --name "shipped model" --out "$row"
done
iou=results/both/shipped/reconstruction.json
[ -e "$iou" ] || "$python" "$here/reconstruction.py" default data/both --out "$iou"
