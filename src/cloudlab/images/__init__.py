"""Images: pulled from a registry, or built from packages with the contexts in files/images/.

references   names of images in the forms of engines and registries
contexts     build contexts: their parents, and a tag that is a hash of their content
plan         what to pull, build, keep or skip; pure
registry     asks registries, through the engine, whether they have an image
pull, build  one image each
trust        what a build takes from the host: certificates and proxies
progress     what a run shows of long pulls and builds
converge     all of the above
"""
