"""One module per kind of source, the run that drives them, and the de-identification gate."""
