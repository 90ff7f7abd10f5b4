"""One file per data set: what is known of it and how it is read or drawn."""
