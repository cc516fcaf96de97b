"""A simulated Alibaba Cloud made of network namespaces, for the demo, the tests, and anyone without a cloud account.

It behaves as the public documentation says the cloud does; where that is silent, each module states its assumption.
"""
