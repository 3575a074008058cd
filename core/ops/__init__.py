"""Operations on tensors, one per file: definition, slow reference, compiled kernel and gradient. See README.md."""
