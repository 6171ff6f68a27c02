"""How images come to be: pulled from a registry, or built from packages out of the contexts in files/images/.

references   names of images as engines and registries spell them
contexts     the build contexts: their parents, and the tag that follows from their content
plan         pure: what to pull, build, keep or skip
registry     asks registries, through the engine, whether they have an image
pull, build  do it
trust        what a build takes over from the host: certificates and proxies
progress     tells the user what is going on
converge     all of it in the right order
"""
