#!/usr/bin/env bash
# Cells of a wanted relative density: 1,000 of voxplore-<set>-small, asked for densities from the 5th to the 95th
# percentile of the held-out cells: as drawn from training cells of near densities, corrected in latent space (the
# default), and cut at the density; what `generate` prints is kept beside the scores.
# Two CPU cores: about three minutes beside the training. SIZE=tiny: 12 cells, in OUT.
#   experiments/density.sh nets|shells
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
recipe=voxplore-$set-$size n=$([ "$size" = tiny ] && echo 12 || echo 1000)
built "$set"
trained "$set" "$recipe"
read -r -a range < <("$python" - "data/$set" << 'END'
import sys
import numpy as np
import voxplore as vp

density = vp.load_cells(sys.argv[1], split="test").relative_density()
print(*(f"{x:.4f}" for x in np.quantile(density, [0.05, 0.95])))
END
)
mkdir -p samples
for way in uncorrected decoded calibrated; do
    row=results/$set/density-$way cells=samples/density-$set-$way
    case $way in
        uncorrected) how=(--set density_corrections=0) ;;
        decoded) how=() ;;
        calibrated) how=(--calibrate) ;;
    esac
    [ -e "$cells" ] || "$vox" generate "runs/$recipe/model" --n "$n" --seed 0 --density "${range[@]}" "${how[@]}" \
        --out "$cells" | tee "$cells.txt"
    [ -e "$row/seed0" ] ||
        "$vox" evaluate "$cells" --reference "data/$set" --name "voxplore, density asked for, $way" --out "$row/seed0"
    [ ! -e "$cells.txt" ] || cp "$cells.txt" "$row/generated.txt"
done
