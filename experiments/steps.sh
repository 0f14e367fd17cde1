#!/usr/bin/env bash
# Does the default sampler draw what the 1,000-step one draws? 1,000 cells of voxplore-sym-<set>-small with seeds 0, 1, 2
# by 1,000 steps, scored, beside the rows of experiments/small.sh, in one table: with the same push, and with the push that
# the valid split chooses for 1,000 steps as it did for the default (experiments/push.sh). Two CPU cores: twelve minutes.
#   experiments/steps.sh nets|shells
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
recipe=voxplore-sym-$set-$size n=1000 long=1000 seeds=(0 1 2)
[ "$size" != tiny ] || { n=12 long=40 seeds=(0 1); }
built "$set"
trained "$set" "$recipe"
chosen=results/$set/push/$recipe-$long-steps.csv
[ -e "$chosen" ] || "$here/push.sh" "$set" voxplore-sym $long
IFS=, read -r strength radius _ < <(sed -n 3p "$chosen") # after the header and the valid split
scores=()

row() { # ROW CELLS NAME [options of generate]
    scores+=("$1")
    [ ! -e "$1" ] || return 0
    [ -e "$2" ] || "$vox" generate "runs/$recipe/model" --n $n --seed "$seed" --out "$2" "${@:4}"
    "$vox" evaluate "$2" --reference "data/$set" --name "$3" --out "$1"
}

for seed in "${seeds[@]}"; do
    rows=results/$set/steps drawn=samples/steps/$recipe
    row "results/$set/$recipe/seed$seed" "samples/$recipe/seed$seed" "$recipe"
    row "$rows/seed$seed" "$drawn/seed$seed" "$recipe, $long steps" --steps $long
    row "$rows/own-push-seed$seed" "$drawn/own-push-seed$seed" "$recipe, $long steps, push $strength to $radius" \
        --steps $long --set "srr.strength=$strength" "srr.radius=$radius"
done
"$vox" compare "${scores[@]}" --out "results/$set/steps/table" --overwrite
