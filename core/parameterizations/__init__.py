"""How a modulation curve is described: each family turns logits of the encoder into curves in 0..1."""
