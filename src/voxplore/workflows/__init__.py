"""One file a job: what a verb of the command line does, as a function."""
