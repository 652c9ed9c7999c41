"""A face over the network, frame by frame: the packets of each protocol, and the sender."""
