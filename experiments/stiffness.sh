#!/usr/bin/env bash
# Cells of a wanted stiffness or Poisson's ratio, at 24^3: known of 3,000 training cells, asked for evenly from the 5th to
# the 95th percentile, 200 cells for each property; asked.json says how near what `properties` finds comes to what was
# asked for.
#   experiments/stiffness.sh nets|shells [PROPERTY ...]      columns of properties.csv
# Two CPU cores: about ten minutes. SIZE=tiny: about a minute, in OUT. KNOWN, DRAWN: other numbers of cells.
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
shift
properties=("$@") coarse=$set-24 known=${KNOWN:-3000} drawn=${DRAWN:-200}
[ $# -gt 0 ] || properties=(young_hill young_share poisson_xy)
short=(autoencoder.resolution=24 autoencoder_training.cells=170000)
if [ "$size" = tiny ]; then
    coarse=$set known=${KNOWN:-40} drawn=${DRAWN:-12} short=(autoencoder_training.cells=640)
    built "$set"
fi
run=runs/stiffness-$set table=properties/$coarse
[ -e "data/$coarse" ] || "$vox" build "$set" --n 4000 --seed 0 --resolution 24 --out "data/$coarse"
[ -e "$run/model" ] || "$vox" train "data/$coarse" --recipe "voxplore-sym-$set-$size" --out "$run" --set "${short[@]}"
[ -e "$table" ] || "$vox" properties "data/$coarse" --split train --n "$known" --out "$table"

range() { # PROPERTY -> FIRST:LAST, the 5th and 95th percentile of what is known
    "$python" - "$table/properties.csv" "$1" << 'END'
import csv, sys
import numpy as np

with open(sys.argv[1], newline="") as file:
    values = np.array([float(row[sys.argv[2]]) for row in csv.DictReader(file)])
print(":".join(f"{x:.6g}" for x in np.quantile(values[np.isfinite(values)], [0.05, 0.95])))
END
}

for property in "${properties[@]}"; do
    cells=samples/stiffness-$set/$property out=results/$set/stiffness/$property
    asked=$property=$(range "$property")
    [ -e "$cells" ] || "$vox" generate "$run/model" --n "$drawn" --seed 0 --condition "$asked" \
        --properties "$table" --known "data/$coarse" --out "$cells"
    [ -e "$out/seed0" ] || "$vox" evaluate "$cells" --reference "data/$coarse" --name "$asked" --out "$out/seed0"
    [ -e "$out/properties" ] || "$vox" properties "$cells" --out "$out/properties"
    [ -e "$out/asked.json" ] ||
        "$python" "$here/asked.py" "$cells" "$out/properties/properties.csv" "$property" --out "$out/asked.json"
done
