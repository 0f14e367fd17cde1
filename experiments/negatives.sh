#!/usr/bin/env bash
# Are the negatives invalid? Held-out cells degraded by each kind of damage, scored like generated cells; the share that
# benchmark v1 calls valid, and what speaks against the others. With "train": does it matter? One training with the
# published negatives and one with each other mix, 1,000 cells each, one table.
#   experiments/negatives.sh nets|shells [train]
# Two CPU cores: about 15 minutes; "train" 20 minutes a mix. SIZE=tiny: seconds, in OUT.
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
if [ "${2:-}" = train ]; then
    exec "$here/ablations.sh" negatives-trained "$set" base neg-scatter neg-failures neg-all
fi
n=$([ "$size" = tiny ] && echo 20 || echo 500)
built "$set"
out=results/$set/negatives
rows=(--rows --row-size "$n")
for kind in noise void_block other_block noise_block scatter broken_struts floating_islands closed_faces published; do
    cells=samples/negatives-$set/$kind
    [ -e "$cells" ] || "$vox" degrade "data/$set" --split test --n "$n" --kind $kind --out "$cells"
    [ -e "$out/$kind" ] ||
        "$vox" evaluate "$cells" --reference "data/$set" --name "negatives: $kind" --out "$out/$kind" "${rows[@]}"
    rows=()
done
columns=(symmetry periodicity connectivity quality valid novelty_ungated)
mapfile -t scored < <(dirname "$out"/*/scores.json) # not the table of an earlier run
"$vox" compare "${scored[@]}" --columns "${columns[@]}" --out "$out/table" --overwrite
"$python" "$here/reasons.py" "$out" --out "$out/reasons.json"
