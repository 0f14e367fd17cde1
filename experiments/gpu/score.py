"""Score one set of drawn cells, in a process of its own while the GPU goes on: SAMPLES REFERENCE OUT NAME."""

import sys
from pathlib import Path

import voxplore as vp
from voxplore.workflows.evaluate import reference_of


def main() -> None:
    samples, reference, out, name = sys.argv[1:]
    known = reference_of(vp.load_cells(reference))
    scores = vp.evaluate(vp.load_cells(samples), known.reference, held_out=known.held_out, vun=False, name=name)
    Path(out).mkdir(parents=True, exist_ok=True)
    scores.save(out)


if __name__ == "__main__":
    main()
