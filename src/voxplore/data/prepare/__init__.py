"""What is done to cells before training and scoring: split, orientations, repeats, negatives."""
