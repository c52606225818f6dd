"""
Images of a stack's own services, built from their Dockerfiles and loaded into a local cluster without a registry.

`content.py` says what a build sees and gives the image its tag, `sources.py` finds and checks what a stack names,
`build.py` makes an image's archive with `docker.py` or `buildah.py`, `node.py` loads it.
"""
