"""Converging a list of containers: specification, plan, application.

spec       what a user writes -> normalised specifications, or every mistake in one error
files      configuration files that belong to a specification: rendered, compared, written atomically
payload    a specification in the engine's words
view       a specification and a living container in the same words, so that they can be compared
rewrites   what Docker Desktop makes of labels and bind sources, put back in the words of the specification
plan       the pure decision: what to do with each container, why, and the difference it makes
discovery  what the engine has now, with few and concurrent requests
apply      the steps of a plan, in an order that an interruption does not harm
schedule   steps and waiting, concurrently, in the order of what needs what
converge   all of it together: the one function that the action plugin calls
"""
