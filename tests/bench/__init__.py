"""What the library costs, as ratios measured in one run: `python -m tests.bench`.

Absolute times are of one machine on one day; a ratio to the same thing without the library says more. Every figure is
the median of several runs that alternate with those it is compared to; but time to ready in a cloud is computed from
the graph of what is registered, as the engine's own time would hide it at any scale that one can wait for.

Nothing fails on time; it fails where the two programs that are compared do not register the same resources.
"""
