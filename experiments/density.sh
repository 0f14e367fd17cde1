#!/usr/bin/env bash
# Cells of a wanted relative density: 1,000 of voxplore-<set>-small, asked for densities from the 5th to the 95th
# percentile of the held-out cells, as decoded and cut at the density; what `generate` prints is kept beside the scores.
# Needs the model of experiments/small.sh. About five minutes on two CPU cores.
#   experiments/density.sh nets|shells
set -euo pipefail
cd "$(dirname "$0")/.."
set=${1:?"nets or shells"}
case $set in # 5th and 95th percentile of the test split
    nets) range=(0.0595 0.2711) ;;
    shells) range=(0.1167 0.3129) ;;
    *) echo "nets or shells, came $set" >&2 && exit 2 ;;
esac
vox=${VOXPLORE:-voxplore}
for way in decoded calibrated; do
    row=results/$set/density-$way/seed0 drawn=samples/density-$set-$way
    if [ ! -e "$drawn" ]; then
        flag=$([ $way = calibrated ] && echo --calibrate || true)
        "$vox" generate "runs/voxplore-$set-small/model" --n 1000 --seed 0 --density "${range[@]}" $flag --out "$drawn" | tee "samples/density-$set-$way.txt"
    fi
    [ -e "$row" ] || "$vox" evaluate "$drawn" --reference "data/$set" --name "voxplore, density asked for, $way" --out "$row"
    cp -n "samples/density-$set-$way.txt" "results/$set/density-$way/generated.txt" 2>/dev/null || true
done
