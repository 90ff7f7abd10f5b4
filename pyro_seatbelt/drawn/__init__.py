"""Pictures drawn by a program, with every factor known: numbers in, arrays out.

`raster` fills pixels, `mesh` and `camera` make a scene of solids, and `chairs`, `faces` and
`sprites` are what is drawn. Every choice comes from `draws`, the same one on every machine.
"""
