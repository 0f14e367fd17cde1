#!/usr/bin/env bash
# What S_div of held-out cells is once they come in the reference's six orientations, as drawn cells do: 1,000 of the test
# split, turned by lot, scored like generated ones. Two CPU cores: half a minute; SIZE=tiny: seconds, in OUT.
#   experiments/orientations.sh nets|shells|both
source "$(dirname "$0")/common.sh"
set=${1:?"nets, shells or both"}
n=$([ "$size" = tiny ] && echo 12 || echo 1000)
cells=samples/turned-$set.npy row=results/$set/held-out-turned
built "$set"
mkdir -p samples
[ -e "$cells" ] || "$python" - "data/$set" "$n" "$cells" << 'END'
import sys
import numpy as np
import voxplore as vp
from voxplore.geometry import ORIENTATIONS, apply_operation

held_out, rng = vp.load_cells(sys.argv[1], split="test"), np.random.default_rng(0)
rows = rng.permutation(len(held_out))[: int(sys.argv[2])]
turns = rng.integers(len(ORIENTATIONS), size=len(rows))
np.save(sys.argv[3], [apply_operation(cell, ORIENTATIONS[k]) for cell, k in zip(held_out[rows].voxels(), turns)])
END
[ -e "$row" ] || "$vox" evaluate "$cells" --reference "data/$set" --name "held-out, turned by lot" --out "$row"
