import os

# torch looks at this with its first tensor. Large tensors in large pages: a step reads all weights,
# and with small pages much of that time goes into finding where each page is.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
