"""The cloud's frequent questions about binding EIPs, answered for this instance.  `all` has the fifteen.

The questions and their order are those of the cloud's FAQ of 2021; the answers are today's, and say where they differ.
"""
