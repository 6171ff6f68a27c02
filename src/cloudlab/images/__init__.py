"""Provides images: pulls them from a registry, or builds them from packages with the contexts in files/images/.

references   names of images as engines and registries spell them
contexts     the build contexts: their parents, and the tag that follows from their content
plan         which images to pull, build, keep or skip
registry     asks registries, through the engine, whether they have an image
pull, build  pull or build one image
trust        certificates and proxies of the host, for builds
progress     progress of long jobs
converge     provides all images of an environment
"""
