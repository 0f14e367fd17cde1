#!/usr/bin/env bash
# Strength and radius of SRR on one set, chosen on the valid split: the test split is not looked at. For each pair of a
# grid, 384 cells of the trained model, scored against the training cells. Chosen is, of the pairs with four fifths of the
# valid split's own S_nov and S_div, the one whose worst share of its quality, S_nov, S_div and vun, and of its density
# (1 - W(density) / mean density), is the largest; it is printed, and stands first in the table. Needs the models of
# experiments/small.sh. STEPS sets another number of steps, with a table of its own. Two CPU cores: about five minutes; on
# both, whose reference is twice as large, fifteen.
#   experiments/push.sh nets|shells|both voxplore|voxplore-sym [STEPS]
source "$(dirname "$0")/common.sh"
set=${1:?"nets, shells or both"} name=${2:?"voxplore or voxplore-sym"}
recipe=$name-$set-$size n=384 radii=(1.1 1.2 1.3)
case $name in # symmetrised decoding can pay for a longer push
    voxplore) strengths=(0.6 0.9 1.2 1.8) ;;
    voxplore-sym) strengths=(1.2 1.8 2.4 3.2) radii=(1.1 1.15 1.2 1.3) ;;
    *) echo "voxplore or voxplore-sym, came $name" >&2 && exit 2 ;;
esac
[ "$size" != tiny ] || { n=12 strengths=(0.6 1.2) radii=(1.1); }
built "$set"
trained "$set" "$recipe"
label=$recipe${3:+-$3-steps} steps=(${3:+--steps "$3"})
scores=runs/push/$label
for strength in "${strengths[@]}"; do
    for radius in "${radii[@]}"; do
        pair=$strength-$radius cells=samples/push/$label/$strength-$radius rows=()
        [ ! -e "$scores/$pair" ] || continue
        [ -e "$cells" ] ||
            "$vox" generate "runs/$recipe/model" --n $n --seed 0 "${steps[@]}" --set "srr.strength=$strength" "srr.radius=$radius" --out "$cells"
        compgen -G "runs/push/*-$set-$size*/*/rows" > /dev/null || rows=(--rows --row-size 1000) # once a set
        "$vox" evaluate "$cells" --reference "data/$set" --split valid --name "$pair" --out "$scores/$pair" "${rows[@]}"
    done
done
valid=$(compgen -G "runs/push/*-$set-$size*/*/rows/held-out" | head -n 1)
"$python" "$here/push.py" "$scores" "$valid" "results/$set/push/$label.csv"
