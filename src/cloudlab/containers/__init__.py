"""Converges a list of containers: declaration, specification, plan, engine.

In the order in which a container passes them:

declaration  reads what a role writes; values and options parse it
spec         the desired state of a container, in normal form
files        configuration files of a specification: rendered, compared, written atomically
discovery    the actual state: few, concurrent requests to the engine
view         desired and actual state as comparable dictionaries; rewrites undoes what Docker Desktop changes
plan         the steps from the actual to the desired state, and why; difference states and redacts them
apply        the steps of one plan, safe to interrupt; payload is the body of the request that creates a container
schedule     many plans at once, in dependency order, waiting for health
converge     all of the above: the function that the action plugin calls
"""
