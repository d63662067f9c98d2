"""How well the documents are found: question sets as frozen versions, runs over them, comparisons and a gate."""
