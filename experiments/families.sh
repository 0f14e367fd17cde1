#!/usr/bin/env bash
# One model on seven families in equal parts: nets, shells, spinodoids, Voronoi foams, plates, extruded patterns and
# kirigami. Reconstruction of each family's held-out cells, 1,000 drawn cells scored, and Table 1's columns for those
# whose nearest training cell is of each family.
#   experiments/families.sh [RECIPE-VARIANT]     plain by default; sym for symmetrised decoding
# Two CPU cores: about 20 minutes, 8 more for sym. SIZE=tiny: about two minutes, in OUT.
source "$(dirname "$0")/common.sh"
recipe=voxplore-${1:+$1-}families-$size
n=$([ "$size" = tiny ] && echo 20 || echo 1000)
built families
trained families "$recipe"
row=results/families/$recipe cells=samples/$recipe/seed0
[ -e "$cells" ] || "$vox" generate "runs/$recipe/model" --n "$n" --seed 0 --out "$cells"
[ -e "$row/seed0" ] || "$vox" evaluate "$cells" --reference data/families --name "$recipe" --out "$row/seed0" --rows --row-size "$n"
[ -e "$row/cells.png" ] || "$vox" render "$cells" --out "$row/cells.png"
[ -e "$row/reconstruction.json" ] ||
    "$python" "$here/reconstruction.py" "runs/$recipe/model" data/families --out "$row/reconstruction.json"
"$python" "$here/families.py" "$row" data/families
