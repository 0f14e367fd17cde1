#!/usr/bin/env bash
# Does the default sampler draw what the 1,000-step one draws? 1,000 cells of voxplore-sym-<set>-small with seeds 0, 1, 2
# by 1,000 steps, scored, beside the rows of experiments/small.sh, in one table. A push goes a little further in 1,000 steps,
# so a third row has the default sampler with a radius that is .05 longer. Two CPU cores: about six minutes.
#   experiments/steps.sh nets|shells
source "$(dirname "$0")/common.sh"
set=${1:?"nets or shells"}
recipe=voxplore-sym-$set-$size n=1000 long=1000 seeds=(0 1 2)
[ "$size" != tiny ] || { n=12 long=40 seeds=(0 1); }
built "$set"
trained "$set" "$recipe"
scores=()

row() { # ROW CELLS NAME [options of generate]
    scores+=("$1")
    [ ! -e "$1" ] || return 0
    [ -e "$2" ] || "$vox" generate "runs/$recipe/model" --n $n --seed "$seed" --out "$2" "${@:4}"
    "$vox" evaluate "$2" --reference "data/$set" --name "$3" --out "$1"
}

for seed in "${seeds[@]}"; do
    row "results/$set/$recipe/seed$seed" "samples/$recipe/seed$seed" "$recipe"
    row "results/$set/steps/seed$seed" "samples/steps/$recipe/seed$seed" "$recipe, $long steps" --steps $long
    row "results/$set/steps/longer-seed$seed" "samples/steps/$recipe/longer-seed$seed" "$recipe, radius 1.15" --set srr.radius=1.15
done
"$vox" compare "${scores[@]}" --out "results/$set/steps/table" --overwrite
