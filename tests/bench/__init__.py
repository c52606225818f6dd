"""What the library costs, as ratios measured in one run: `python -m tests.bench`.

Absolute times are of one machine on one day; a ratio to the same thing without the library says more. Every figure is
the median of several runs that alternate with those it is compared to. Nothing fails on time; it fails where the two
programs that are compared do not register the same resources.
"""
