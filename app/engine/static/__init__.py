"""Computes rows in passes of fixed shapes, for devices on which starting an operation is dear.

Each row lives in a slot of tensors that are made once. A pass is told which slots it computes by
whole numbers on the device, and nothing else about it changes: so a GPU can replay it as one graph.
"""
